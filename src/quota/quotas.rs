//! The limits together, and what came of them.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::RateLimit;
use super::TierQuota;
use super::gcra::Nanos;
use super::limiters::{CallerKey, CallerLimiters, TierLimiters};

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
pub struct Quotas {
    settings: QuotaSettings,
    started: Instant,
    callers: CallerLimiters<CallerKey>,
    callers_in_tiers: CallerLimiters<(CallerKey, Arc<str>)>,
    tiers: TierLimiters,
    exceeded: [AtomicU64; 3],
}

impl Quotas {
    /// Nobody has used anything yet.
    #[must_use]
    pub fn new(settings: QuotaSettings) -> Self {
        let capacity = settings.remembered_callers;
        Self {
            settings,
            started: Instant::now(),
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
        self.admit_at(self.started.elapsed(), caller_id, tier, tier_quota)
    }

    /// The same at a time since the start.
    fn admit_at(
        &self,
        since_start: Duration,
        caller_id: &str,
        tier: &Arc<str>,
        tier_quota: Option<&TierQuota>,
    ) -> Result<(), QuotaExceeded> {
        let now = Nanos::from(since_start);
        let caller_in_tier = tier_quota.and_then(|quota| quota.caller);
        let total = tier_quota.and_then(|quota| quota.total);
        if self.settings.caller.or(caller_in_tier).is_some() {
            let caller = CallerKey::new(caller_id);
            if let Some(limit) = self.settings.caller {
                self.report(QuotaScope::Caller, self.callers.count_one(&caller, limit, now))?;
            }
            if let Some(limit) = caller_in_tier {
                let key = (caller, Arc::clone(tier));
                self.report(QuotaScope::CallerInTier, self.callers_in_tiers.count_one(&key, limit, now))?;
            }
        }
        if let Some(limit) = total {
            self.report(QuotaScope::Tier, self.tiers.count_one(tier, limit, now))?;
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

    fn report(&self, scope: QuotaScope, counted: Result<(), Duration>) -> Result<(), QuotaExceeded> {
        let Err(retry_after) = counted else { return Ok(()) };
        if let Some(count) = self.exceeded.get(scope.index()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        tracing::debug!(scope = scope.name(), report_only = self.settings.report_only, "a quota is used up");
        if self.settings.report_only { Ok(()) } else { Err(QuotaExceeded { scope, retry_after }) }
    }
}

impl fmt::Debug for Quotas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quotas").field("settings", &self.settings).finish_non_exhaustive()
    }
}
