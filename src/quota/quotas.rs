//! All quotas, and how often each was exceeded.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thiserror::Error;

use super::RateLimit;
use super::TierQuota;
use super::local_store::LocalStore;
use super::store::{CountedCall, QuotaStore, QuotaStoreError, UsedUp};

/// The quota settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaSettings {
    /// The limit of each caller over all tiers. `None`: no such limit.
    pub caller: Option<RateLimit>,
    /// Count and report, and refuse nothing.
    pub report_only: bool,
    /// How many callers are remembered at most.
    pub remembered_callers: usize,
}

/// What a quota applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaScope {
    /// One caller, over all tiers.
    Caller,
    /// One caller in one tier.
    CallerInTier,
    /// All callers together in one tier.
    Tier,
}

impl QuotaScope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Caller, Self::CallerInTier, Self::Tier];

    /// The name in metrics, logs and `google.rpc.QuotaFailure`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::CallerInTier => "caller_in_tier",
            Self::Tier => "tier",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Caller => 0,
            Self::CallerInTier => 1,
            Self::Tier => 2,
        }
    }
}

/// A quota that is exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the quota of the {} is exceeded", .scope.name())]
pub struct QuotaExceeded {
    /// Which quota is exceeded.
    pub scope: QuotaScope,
    /// When the next call is permitted.
    pub retry_after: Duration,
}

/// How often each quota was exceeded, by scope: calls that were refused or, with `report_only`, would have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QuotaStatus {
    /// In the order of [`QuotaScope::ALL`].
    pub(crate) exceeded: [(QuotaScope, u64); 3],
    /// Whether these calls were permitted nevertheless.
    pub(crate) report_only: bool,
}

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum QuotaError {
    /// A quota is exceeded.
    #[error(transparent)]
    Exceeded(#[from] QuotaExceeded),
    /// The store failed, so it is unknown whether a quota is exceeded.
    #[error(transparent)]
    Unavailable(#[from] QuotaStoreError),
}

/// Counts permitted calls against the quotas.
#[derive(Debug)]
pub struct Quotas {
    settings: QuotaSettings,
    store: Store,
    exceeded: [AtomicU64; 3],
}

/// The store of the counts. Only a store outside this process is awaited.
#[derive(Debug)]
enum Store {
    Local(LocalStore),
    Shared(Arc<dyn QuotaStore>),
}

impl Quotas {
    /// Quotas with counts in this process, starting at zero.
    #[must_use]
    pub fn new(settings: QuotaSettings) -> Self {
        Self::over(settings, Store::Local(LocalStore::new(settings.remembered_callers)))
    }

    /// Quotas with counts in an external store.
    #[must_use]
    pub fn with_store(settings: QuotaSettings, store: Arc<dyn QuotaStore>) -> Self {
        Self::over(settings, Store::Shared(store))
    }

    fn over(settings: QuotaSettings, store: Store) -> Self {
        Self { settings, store, exceeded: Default::default() }
    }

    /// Counts one call of a caller in a tier.
    ///
    /// # Errors
    ///
    /// The first quota that is exceeded. Counts against those before it remain. Also when the store is unavailable: a
    /// call whose quota cannot be checked is refused.
    pub(crate) async fn admit(
        &self,
        caller_id: &str,
        tier: &Arc<str>,
        tier_quota: Option<&TierQuota>,
    ) -> Result<(), QuotaError> {
        let call = self.call(caller_id, tier, tier_quota);
        if call.caller.or(call.caller_in_tier).or(call.all_in_tier).is_none() {
            return Ok(());
        }
        let used_up = match &self.store {
            Store::Local(store) => store.count(&call),
            Store::Shared(store) => store.count(&call).await?,
        };
        Ok(self.judge(used_up)?)
    }

    fn call<'a>(&self, caller_id: &'a str, tier: &'a Arc<str>, tier_quota: Option<&TierQuota>) -> CountedCall<'a> {
        CountedCall {
            caller_id,
            tier,
            caller: self.settings.caller,
            caller_in_tier: tier_quota.and_then(|quota| quota.caller),
            all_in_tier: tier_quota.and_then(|quota| quota.total),
            stops_at_used_up: !self.settings.report_only,
        }
    }

    fn judge(&self, used_up: UsedUp) -> Result<(), QuotaExceeded> {
        let UsedUp { caller, caller_in_tier, all_in_tier } = used_up;
        let by_scope =
            [(QuotaScope::Caller, caller), (QuotaScope::CallerInTier, caller_in_tier), (QuotaScope::Tier, all_in_tier)];
        for (scope, retry_after) in by_scope {
            if let Some(retry_after) = retry_after {
                self.report(scope, retry_after)?;
            }
        }
        Ok(())
    }

    fn report(&self, scope: QuotaScope, retry_after: Duration) -> Result<(), QuotaExceeded> {
        if let Some(count) = self.exceeded.get(scope.index()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        tracing::debug!(scope = scope.name(), report_only = self.settings.report_only, "quota limit reached");
        if self.settings.report_only { Ok(()) } else { Err(QuotaExceeded { scope, retry_after }) }
    }

    /// How often each quota was exceeded so far.
    #[must_use]
    pub(crate) fn status(&self) -> QuotaStatus {
        let [caller, caller_in_tier, tier] = self.exceeded.each_ref().map(|count| count.load(Ordering::Relaxed));
        let exceeded =
            [(QuotaScope::Caller, caller), (QuotaScope::CallerInTier, caller_in_tier), (QuotaScope::Tier, tier)];
        QuotaStatus { exceeded, report_only: self.settings.report_only }
    }
}
