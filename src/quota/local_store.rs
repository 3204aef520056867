//! Counts in this process's memory.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::gcra::Nanos;
use super::limiters::{CallerKey, CallerLimiters, TierLimiters};
use super::store::{CountedCall, UsedUp};

/// Answers without waiting.
///
/// Time is the monotonic clock: a wall clock that is set back would block all callers.
pub(super) struct LocalStore {
    started: Instant,
    callers: CallerLimiters<CallerKey>,
    callers_in_tiers: CallerLimiters<(CallerKey, Arc<str>)>,
    tiers: TierLimiters,
}

impl LocalStore {
    /// An empty store, which remembers at most this many callers.
    pub(super) fn new(remembered_callers: usize) -> Self {
        Self {
            started: Instant::now(),
            callers: CallerLimiters::new(remembered_callers),
            callers_in_tiers: CallerLimiters::new(remembered_callers),
            tiers: TierLimiters::new(),
        }
    }

    pub(super) fn count(&self, call: &CountedCall<'_>) -> UsedUp {
        self.count_at(self.started.elapsed(), call)
    }

    /// The same at a time since the start.
    pub(super) fn count_at(&self, since_start: Duration, call: &CountedCall<'_>) -> UsedUp {
        let now = Nanos::from(since_start);
        let mut used_up = UsedUp::default();
        let is_over = |exceeded: Option<Duration>| exceeded.is_some() && call.stops_at_used_up;
        if call.caller.or(call.caller_in_tier).is_some() {
            let caller = CallerKey::new(call.caller_id);
            if let Some(limit) = call.caller {
                used_up.caller = self.callers.count_one(&caller, limit, now).err();
                if is_over(used_up.caller) {
                    return used_up;
                }
            }
            if let Some(limit) = call.caller_in_tier {
                let key = (caller, Arc::clone(call.tier));
                used_up.caller_in_tier = self.callers_in_tiers.count_one(&key, limit, now).err();
                if is_over(used_up.caller_in_tier) {
                    return used_up;
                }
            }
        }
        if let Some(limit) = call.all_in_tier {
            used_up.all_in_tier = self.tiers.count_one(call.tier, limit, now).err();
        }
        used_up
    }

    /// The number of remembered callers, over all tiers and per tier.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> [usize; 2] {
        [self.callers.len(), self.callers_in_tiers.len()]
    }

    /// The memory that the table of callers takes, in bytes.
    #[cfg(test)]
    pub(super) fn caller_bytes(&self) -> usize {
        self.callers.bytes()
    }
}

impl fmt::Debug for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalStore").finish_non_exhaustive()
    }
}
