//! The limits together, and what came of them.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use thiserror::Error;

use super::limiters::{CallerLimiters, Limiter, TierLimiters};
use super::rate_limit::RateLimit;
use super::tier_quota::TierQuota;

/// What the configuration says about quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaSettings {
    /// What each caller may do in all tiers together. `None`: no such limit.
    pub caller: Option<RateLimit>,
    /// Count and tell, and let everything pass.
    pub report_only: bool,
    /// How many callers are remembered at most.
    pub remembered_callers: usize,
}

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaScope {
    /// The caller's, in all tiers together.
    Caller,
    /// The caller's in one tier.
    CallerInTier,
    /// That of all callers together in one tier.
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

/// A limit that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the quota of the {} is used up", .scope.name())]
pub struct QuotaExceeded {
    /// Whose.
    pub scope: QuotaScope,
    /// When there is room for one more.
    pub retry_after: Duration,
}

/// How often each limit was exceeded, by scope: calls that were refused and, with `report_only`, calls that would have
/// been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaStatus {
    /// In the order of [`QuotaScope::ALL`].
    pub exceeded: [(QuotaScope, u64); 3],
    /// Whether these calls went on all the same.
    pub report_only: bool,
}

/// Counts what was permitted against the limits.
///
/// Time is the machine's monotonic clock: a wall clock that is set back would stop everybody.
pub struct Quotas<C: Clock = MonotonicClock> {
    settings: QuotaSettings,
    clock: C,
    callers: CallerLimiters<Box<str>, C>,
    callers_in_tiers: CallerLimiters<(Box<str>, Arc<str>), C>,
    tiers: TierLimiters<C>,
    exceeded: [AtomicU64; 3],
}

impl Quotas {
    /// Nobody has used anything yet.
    #[must_use]
    pub fn new(settings: QuotaSettings) -> Self {
        Self::with_clock(settings, MonotonicClock)
    }
}

impl<C: Clock + Clone> Quotas<C> {
    fn with_clock(settings: QuotaSettings, clock: C) -> Self {
        let capacity = settings.remembered_callers;
        Self {
            settings,
            clock,
            callers: CallerLimiters::new(capacity),
            callers_in_tiers: CallerLimiters::new(capacity),
            tiers: TierLimiters::new(),
            exceeded: Default::default(),
        }
    }

    /// Counts one call of a caller in a tier.
    ///
    /// # Errors
    ///
    /// The first limit that is used up. What was counted against those before it stays counted.
    pub fn admit(&self, caller_id: &str, tier: &Arc<str>, tier_quota: Option<&TierQuota>) -> Result<(), QuotaExceeded> {
        let clock = &self.clock;
        if let Some(limit) = self.settings.caller {
            self.count(QuotaScope::Caller, self.callers.get(caller_id.into(), limit, clock))?;
        }
        if let Some(limit) = tier_quota.and_then(|quota| quota.caller) {
            let key = (caller_id.into(), Arc::clone(tier));
            self.count(QuotaScope::CallerInTier, self.callers_in_tiers.get(key, limit, clock))?;
        }
        if let Some(limit) = tier_quota.and_then(|quota| quota.total) {
            self.count(QuotaScope::Tier, self.tiers.get(tier, limit, clock))?;
        }
        Ok(())
    }

    /// What came of it so far.
    #[must_use]
    pub fn status(&self) -> QuotaStatus {
        let [caller, caller_in_tier, tier] = self.exceeded.each_ref().map(|count| count.load(Ordering::Relaxed));
        let exceeded =
            [(QuotaScope::Caller, caller), (QuotaScope::CallerInTier, caller_in_tier), (QuotaScope::Tier, tier)];
        QuotaStatus { exceeded, report_only: self.settings.report_only }
    }

    fn count(&self, scope: QuotaScope, limiter: Option<Limiter<C>>) -> Result<(), QuotaExceeded> {
        let Some(Err(retry_after)) = limiter.map(|limiter| limiter.count_one(&self.clock)) else {
            return Ok(());
        };
        if let Some(count) = self.exceeded.get(scope.index()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        tracing::debug!(scope = scope.name(), report_only = self.settings.report_only, "a quota is used up");
        if self.settings.report_only { Ok(()) } else { Err(QuotaExceeded { scope, retry_after }) }
    }
}

impl<C: Clock> fmt::Debug for Quotas<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quotas").field("settings", &self.settings).finish_non_exhaustive()
    }
}
