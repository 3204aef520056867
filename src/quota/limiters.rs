//! One limiter per key, made at its first use.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use quick_cache::sync::Cache;

use super::rate_limit::RateLimit;

/// A limiter and the limit that it was made for.
#[derive(Clone)]
pub(super) struct Limiter<C: Clock> {
    limit: RateLimit,
    state: Arc<governor::RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>>,
}

impl<C: Clock + Clone> Limiter<C> {
    fn new(limit: RateLimit, clock: &C) -> Option<Self> {
        let state = governor::RateLimiter::direct_with_clock(limit.quota()?, clock.clone());
        Some(Self { limit, state: Arc::new(state) })
    }

    /// Counts one, or tells how long to wait for the next.
    pub(super) fn count_one(&self, clock: &C) -> Result<(), std::time::Duration> {
        self.state.check().map_err(|not_until| not_until.wait_time_from(clock.now()))
    }
}

/// The limiters of callers. Of more than `capacity`, those that are used least go: whoever comes back begins with a full
/// burst, and memory stays bounded whatever the number of callers.
pub(super) struct CallerLimiters<K, C: Clock> {
    cache: Cache<K, Limiter<C>>,
}

impl<K: Eq + Hash + Clone, C: Clock + Clone> CallerLimiters<K, C> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { cache: Cache::new(capacity) }
    }

    /// The limiter of a key. One for another limit, from before the policy changed, is replaced.
    pub(super) fn get(&self, key: K, limit: RateLimit, clock: &C) -> Option<Limiter<C>> {
        if let Some(known) = self.cache.get(&key).filter(|known| known.limit == limit) {
            return Some(known);
        }
        let limiter = Limiter::new(limit, clock)?;
        self.cache.insert(key, limiter.clone());
        Some(limiter)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.cache.len()
    }
}

/// The limiters of tiers. None is ever let go: there are as many as the policy's files have named.
pub(super) struct TierLimiters<C: Clock>(Mutex<HashMap<Arc<str>, Limiter<C>>>);

impl<C: Clock + Clone> TierLimiters<C> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    pub(super) fn get(&self, tier: &Arc<str>, limit: RateLimit, clock: &C) -> Option<Limiter<C>> {
        let mut limiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = limiters.get(tier).filter(|known| known.limit == limit) {
            return Some(known.clone());
        }
        let limiter = Limiter::new(limit, clock)?;
        limiters.insert(Arc::clone(tier), limiter.clone());
        Some(limiter)
    }
}
