//! Limits on how often URLs are issued, per caller and per tier.

mod gcra;
mod limiters;
mod local_store;
mod quotas;
mod store;

pub use access_broker_policy::{RateLimit, RateScope, TierQuota, read_rate};
pub(crate) use quotas::QuotaError;
pub use quotas::{QuotaExceeded, QuotaScope, QuotaSettings, Quotas};
pub use store::{CountedCall, QuotaStore, QuotaStoreError, UsedUp};
