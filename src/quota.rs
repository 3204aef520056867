//! How much. Limits on how often URLs are issued, per caller and per tier.

mod limiters;
mod quotas;
mod rate_limit;

pub use quotas::{QuotaExceeded, QuotaScope, QuotaSettings, QuotaStatus, Quotas};
pub use rate_limit::{RateLimit, read_rate};
