//! How much. Limits on how often URLs are issued, per caller and per tier.

mod gcra;
mod limiters;
mod quotas;
mod rate_limit;
mod tier_quota;

pub use quotas::{QuotaExceeded, QuotaScope, QuotaSettings, QuotaStatus, Quotas};
pub use rate_limit::{RateLimit, read_rate};
pub use tier_quota::TierQuota;
