//! How much. Limits on how often URLs are issued, per caller and per tier.

mod gcra;
mod limiters;
mod quotas;

pub use access_broker_policy::{RateLimit, TierQuota, read_rate};
pub use quotas::{QuotaExceeded, QuotaScope, QuotaSettings, QuotaStatus, Quotas};
