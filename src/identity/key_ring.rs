//! The life of an issuer's keys: fetched ahead, kept through outages, never replaced by worse.

mod schedule;
mod status;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use thiserror::Error;
use tokio::sync::{Mutex, watch};
use tokio::time::{self, Instant};

use super::key_source::{KeySource, KeySourceError};
use super::keys::{KeyRules, KeySet, KeySetError, KeyUse, SkipReason, SkippedKey};
use crate::error_chain::error_chain;

pub(super) use schedule::REFRESH_INTERVAL_LIMITS;
pub use status::KeyRingStatus;

use schedule::{jittered, random_fraction, refresh_delay, retry_delay};

/// The longest that one call waits for keys that it made the ring fetch.
const UNKNOWN_KEY_WAIT: Duration = Duration::from_secs(1);

/// The shortest time between two fetches that calls with unknown keys can cause, failed ones included: whoever invents
/// key ids must not be able to make this service hammer the issuer.
const UNKNOWN_KEY_COOLDOWN: Duration = Duration::from_secs(30);

/// The longest fetch, whatever the source's own limits are.
const FETCH_TIMEOUT: Duration = Duration::from_secs(15);

/// How often keys are fetched and how long they may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRingTiming {
    /// The time between fetches where the source gives none.
    pub refresh_interval: Duration,
    /// How long a set may be used after the last fetch that succeeded. Above the longest time between fetches, which
    /// is 66 minutes, or keys run out while their source works.
    pub max_key_age: Duration,
}

/// The keys of one issuer as of the last good fetch. Readers take no lock and never wait for a fetch, except that a
/// call with an unknown key may wait a second for one that all such calls share.
///
/// Time is measured by the monotonic clock, so that a leap of the wall clock neither stops nor hastens a refresh.
#[derive(Debug)]
pub struct KeyRing {
    issuer: Arc<str>,
    rules: KeyRules,
    source: Box<dyn KeySource>,
    timing: KeyRingTiming,
    loaded: ArcSwapOption<LoadedKeys>,
    fetching: watch::Sender<Fetching>,
    good_refreshes: AtomicU64,
    failed_refreshes: AtomicU64,
    one_fetch_at_a_time: Mutex<()>,
    random_fraction: fn() -> f64,
}

impl KeyRing {
    /// An empty ring for one issuer. Keys arrive with [`refresh`](Self::refresh) or [`keep_fresh`](Self::keep_fresh).
    #[must_use]
    pub fn new(issuer: Arc<str>, rules: KeyRules, source: Box<dyn KeySource>, timing: KeyRingTiming) -> Self {
        Self {
            issuer,
            rules,
            source,
            timing,
            loaded: ArcSwapOption::empty(),
            fetching: watch::Sender::new(Fetching::default()),
            good_refreshes: AtomicU64::new(0),
            failed_refreshes: AtomicU64::new(0),
            one_fetch_at_a_time: Mutex::new(()),
            random_fraction,
        }
    }

    /// The issuer.
    #[must_use]
    pub const fn issuer(&self) -> &Arc<str> {
        &self.issuer
    }

    /// Whether there are keys to verify with.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.usable(|_| ()).is_some()
    }

    /// The keys, unless there are none yet or the last good fetch is too long ago.
    pub(super) fn current(&self) -> Option<CurrentKeys> {
        self.usable(|loaded| CurrentKeys { set: Arc::clone(&loaded.set), generation: loaded.generation })
    }

    /// The generation of the keys, unless there are none to verify with.
    pub(super) fn current_generation(&self) -> Option<KeyGeneration> {
        self.usable(|loaded| loaded.generation)
    }

    /// Something of the loaded keys, unless there are none or they are too old.
    fn usable<T>(&self, part: impl FnOnce(&LoadedKeys) -> T) -> Option<T> {
        let loaded = self.loaded.load();
        let loaded = loaded.as_ref().filter(|loaded| loaded.at.elapsed() <= self.timing.max_key_age)?;
        Some(part(loaded))
    }

    /// When to ask again after there were no keys: 1 to 60 seconds.
    pub(super) fn retry_after(&self) -> Duration {
        let next_fetch = self.fetching.borrow().next_fetch;
        let wait = next_fetch.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
        wait.clamp(Duration::from_secs(1), Duration::from_mins(1))
    }

    /// Fetches the keys now and puts them in use if they are good. Otherwise those in use stay.
    ///
    /// # Errors
    ///
    /// Why there are no new keys. It was logged.
    pub async fn refresh(&self) -> Result<(), KeyRefreshError> {
        let _one_fetch = self.one_fetch_at_a_time.lock().await;
        let ending = EndOfFetch::begin(&self.fetching);
        let fetched = time::timeout(FETCH_TIMEOUT, self.fetch()).await.unwrap_or(Err(KeyRefreshError::TimedOut));
        let fraction = (self.random_fraction)();
        let (delay, failures, result) = match fetched {
            Ok(max_age) => {
                self.good_refreshes.fetch_add(1, Ordering::Relaxed);
                (refresh_delay(self.timing.refresh_interval, max_age), 0, Ok(()))
            }
            Err(error) => {
                self.failed_refreshes.fetch_add(1, Ordering::Relaxed);
                let failures = self.fetching.borrow().failures.saturating_add(1);
                let has_keys = self.is_ready();
                let cause = error_chain(&error);
                tracing::warn!(issuer = %self.issuer, failures, has_keys, error = cause, "cannot refresh keys");
                (retry_delay(failures), failures, Err(error))
            }
        };
        ending.end(failures, Instant::now() + jittered(delay, fraction));
        result
    }

    /// Keeps the keys fresh for as long as it is polled: it never returns. It fetches at once where no fetch was made
    /// yet, then when the keys' time is up, sooner after a failure, and when a call brings an unknown key.
    pub async fn keep_fresh(&self) {
        let mut fetching = self.fetching.subscribe();
        loop {
            let due = fetching.borrow().next_fetch.unwrap_or_else(Instant::now);
            tokio::select! {
                () = time::sleep_until(due) => {}
                _ = fetching.wait_for(|fetching| fetching.wanted && !fetching.under_way) => {}
            }
            // A failure was logged and the next attempt is scheduled.
            let _ = self.refresh().await;
        }
    }

    /// Gives the issuer a chance to publish a key that the current set lacks. Returns at once during the cool-down,
    /// otherwise after one fetch that all callers share, or after a second.
    pub(super) async fn look_for_new_keys(&self) -> Freshness {
        let mut fetching = self.fetching.subscribe();
        if self.want_fetch() {
            let done = fetching.wait_for(|fetching| !fetching.wanted && !fetching.under_way);
            let _ = time::timeout(UNKNOWN_KEY_WAIT, done).await;
        }
        let fetching = self.fetching.borrow();
        if fetching.failures > 0 || fetching.wanted || fetching.under_way {
            Freshness::Uncertain
        } else {
            Freshness::Latest
        }
    }

    /// Whether a fetch is, or now becomes, something to wait for.
    fn want_fetch(&self) -> bool {
        let mut pending = false;
        self.fetching.send_if_modified(|fetching| {
            pending = fetching.wanted || fetching.under_way;
            let now = Instant::now();
            let cooling_down = fetching.last_wanted.is_some_and(|at| now < at + UNKNOWN_KEY_COOLDOWN);
            if pending || cooling_down {
                return false;
            }
            fetching.wanted = true;
            fetching.last_wanted = Some(now);
            pending = true;
            true
        });
        pending
    }

    async fn fetch(&self) -> Result<Option<Duration>, KeyRefreshError> {
        let document = self.source.fetch().await?;
        let (set, skipped) = KeySet::import(&document.bytes, &self.rules)?;
        // A bundle has keys for other purposes as a matter of course.
        let expected = |skipped: &SkippedKey| {
            self.rules.key_use == KeyUse::JwtSvid && skipped.reason == SkipReason::NotForVerifying
        };
        if skipped.iter().all(expected) {
            tracing::info!(issuer = %self.issuer, keys = set.len(), "refreshed keys");
        } else {
            tracing::warn!(issuer = %self.issuer, keys = set.len(), ?skipped, "refreshed keys, some left out");
        }
        self.put_in_use(set);
        Ok(document.max_age)
    }

    /// A set that equals the one in use only makes that one younger: what was verified by it stays verified.
    fn put_in_use(&self, set: KeySet) {
        let at = Instant::now();
        let loaded = match self.loaded.load_full() {
            Some(loaded) if *loaded.set == set => {
                LoadedKeys { set: Arc::clone(&loaded.set), generation: loaded.generation, at }
            }
            Some(loaded) => LoadedKeys { set: Arc::new(set), generation: loaded.generation.next(), at },
            None => LoadedKeys { set: Arc::new(set), generation: KeyGeneration::default(), at },
        };
        self.loaded.store(Some(Arc::new(loaded)));
    }
}

/// Tells one set of an issuer's keys from those that came before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct KeyGeneration(u64);

impl KeyGeneration {
    const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// The keys in use at one moment.
#[derive(Debug, Clone)]
pub(super) struct CurrentKeys {
    pub(super) set: Arc<KeySet>,
    pub(super) generation: KeyGeneration,
}

/// Why keys were not refreshed.
#[derive(Debug, Error)]
pub enum KeyRefreshError {
    /// The document cannot be had.
    #[error("cannot fetch the key document")]
    Fetch(#[from] KeySourceError),
    /// The document is not usable.
    #[error("cannot use the key document")]
    Import(#[from] KeySetError),
    /// The source did not answer within 15 seconds.
    #[error("the key source did not answer in time")]
    TimedOut,
}

/// Whether the keys in use are what the issuer publishes, as far as this ring can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// The last fetch succeeded.
    Latest,
    /// The last fetch failed or is under way: the issuer may have keys that this ring has not.
    Uncertain,
}

#[derive(Debug)]
struct LoadedKeys {
    set: Arc<KeySet>,
    generation: KeyGeneration,
    /// When a fetch last confirmed the set.
    at: Instant,
}

#[derive(Debug, Default)]
struct Fetching {
    /// A call waits for a fetch that has not begun.
    wanted: bool,
    under_way: bool,
    /// When a call last caused a fetch.
    last_wanted: Option<Instant>,
    next_fetch: Option<Instant>,
    /// In a row.
    failures: u32,
}

/// Ends the fetch for those who wait for it, even when the fetch is dropped half-way.
struct EndOfFetch<'a>(&'a watch::Sender<Fetching>);

impl<'a> EndOfFetch<'a> {
    fn begin(fetching: &'a watch::Sender<Fetching>) -> Self {
        fetching.send_modify(|fetching| fetching.under_way = true);
        Self(fetching)
    }

    fn end(self, failures: u32, next_fetch: Instant) {
        self.0.send_modify(|fetching| {
            fetching.failures = failures;
            fetching.next_fetch = Some(next_fetch);
        });
    }
}

impl Drop for EndOfFetch<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|fetching| {
            fetching.wanted = false;
            fetching.under_way = false;
        });
    }
}

#[cfg(test)]
mod tests;
