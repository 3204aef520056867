//! The interface to the counts of calls.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use super::RateLimit;

/// A store that must be awaited, such as one that several brokers share.
#[async_trait]
pub trait QuotaStore: fmt::Debug + Send + Sync + 'static {
    /// Counts one call against each of its quotas.
    ///
    /// # Errors
    ///
    /// When the store is unavailable.
    async fn count(&self, call: &CountedCall<'_>) -> Result<UsedUp, QuotaStoreError>;
}

/// A permitted call, and its quotas in the order in which they are checked.
#[derive(Debug, Clone, Copy)]
pub struct CountedCall<'a> {
    /// The caller's pseudonym.
    pub caller_id: &'a str,
    /// The tier that contains the object.
    pub tier: &'a Arc<str>,
    /// The caller's limit over all tiers.
    pub caller: Option<RateLimit>,
    /// The caller's limit in the tier.
    pub caller_in_tier: Option<RateLimit>,
    /// The limit of all callers together in the tier.
    pub all_in_tier: Option<RateLimit>,
    /// Whether counting stops at the first exceeded quota. Counts before it remain.
    pub stops_at_used_up: bool,
}

/// The exceeded quotas, each with the time until the next call is permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsedUp {
    /// The caller's, in all tiers together.
    pub caller: Option<Duration>,
    /// The caller's in the tier.
    pub caller_in_tier: Option<Duration>,
    /// That of all callers together in the tier.
    pub all_in_tier: Option<Duration>,
}

/// The store is unavailable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the quota store is unavailable: {0}")]
pub struct QuotaStoreError(pub String);

impl QuotaStoreError {
    /// The reason's name in logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "quota_store_unavailable"
    }
}
