//! Where calls are counted.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use super::RateLimit;

/// A store that must be awaited, such as one that several brokers share.
#[async_trait]
pub trait QuotaStore: fmt::Debug + Send + Sync + 'static {
    /// Counts one call against each of its limits.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked now.
    async fn count(&self, call: &CountedCall<'_>) -> Result<UsedUp, QuotaStoreError>;
}

/// A permitted call, and the limits that it counts against, in the order in which they are asked.
#[derive(Debug, Clone, Copy)]
pub struct CountedCall<'a> {
    /// The caller's pseudonym.
    pub caller_id: &'a str,
    /// The tier that holds the object.
    pub tier: &'a Arc<str>,
    /// What the caller may do in all tiers together.
    pub caller: Option<RateLimit>,
    /// What the caller may do in the tier.
    pub caller_in_tier: Option<RateLimit>,
    /// What all callers together may do in the tier.
    pub all_in_tier: Option<RateLimit>,
    /// Whether nothing more is counted after a limit that is used up. What was counted before it stays counted.
    pub stops_at_used_up: bool,
}

/// The limits that are used up, each with the time until there is room for one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsedUp {
    /// The caller's, in all tiers together.
    pub caller: Option<Duration>,
    /// The caller's in the tier.
    pub caller_in_tier: Option<Duration>,
    /// That of all callers together in the tier.
    pub all_in_tier: Option<Duration>,
}

/// The store cannot be asked now.
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
