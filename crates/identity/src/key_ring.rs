//! The keys of one issuer: fetched ahead of need, kept during outages, replaced only by usable keys.

mod budget;
mod fetching;
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
use super::keys::{KeyRules, KeySet, KeySetError, KeyUse, SkipReason, SkippedKey, list};
use access_broker_base::error_chain::error_chain;
use access_broker_base::pacing::{jittered, random_fraction};

pub(super) use fetching::Cause;
pub use schedule::REFRESH_INTERVAL_LIMITS;
pub use status::KeyRingStatus;

use fetching::{FetchRequest, FetchUnderWay, Fetching};
use schedule::{refresh_delay, retry_delay};

/// How long one call waits for a fetch at most.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The longest fetch. The source may have shorter limits.
const FETCH_TIMEOUT: Duration = Duration::from_secs(15);

/// The longest read of the file with the initial keys.
const INITIAL_KEYS_TIMEOUT: Duration = Duration::from_secs(2);

/// How often keys are fetched and how long they may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRingTiming {
    /// The time between fetches if the source gives none.
    pub(crate) refresh_interval: Duration,
    /// How long a set may be used after the last successful fetch. It must be longer than the longest time between
    /// fetches, which is 66 minutes, or keys expire while their source works.
    pub max_key_age: Duration,
}

/// The keys of one issuer as of the last successful fetch. Readers take no lock and do not wait for a fetch, with one
/// exception: a call with an unknown key or an invalid signature may wait a second for a fetch that all such calls
/// share.
///
/// Times are of the monotonic clock, so that setting the wall clock does not delay or cause a refresh.
#[derive(Debug)]
pub struct KeyRing {
    issuer: Arc<str>,
    rules: KeyRules,
    source: Box<dyn KeySource>,
    /// The source of the initial keys, which are used until the first successful fetch.
    start: Option<Box<dyn KeySource>>,
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
            start: None,
            timing,
            loaded: ArcSwapOption::empty(),
            fetching: watch::Sender::new(Fetching::default()),
            good_refreshes: AtomicU64::new(0),
            failed_refreshes: AtomicU64::new(0),
            one_fetch_at_a_time: Mutex::new(()),
            random_fraction,
        }
    }

    /// Sets a source of initial keys, such as a file: they are used until the first successful fetch. After that the
    /// source is no longer read.
    #[must_use]
    pub(crate) fn with_initial_keys(mut self, start: Box<dyn KeySource>) -> Self {
        self.start = Some(start);
        self
    }

    /// Its `iss`.
    #[must_use]
    pub const fn issuer(&self) -> &Arc<str> {
        &self.issuer
    }

    /// Whether there are keys to verify with.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.usable(|_| ()).is_some()
    }

    /// The keys, unless there are none yet or they are too old.
    pub(super) fn current(&self) -> Option<CurrentKeys> {
        self.usable(|loaded| CurrentKeys { set: Arc::clone(&loaded.set), generation: loaded.generation })
    }

    /// The generation of the keys, unless there are none yet or they are too old.
    pub(super) fn current_generation(&self) -> Option<KeyGeneration> {
        self.usable(|loaded| loaded.generation)
    }

    /// A part of the loaded keys, unless there are none yet or they are too old.
    fn usable<T>(&self, part: impl FnOnce(&LoadedKeys) -> T) -> Option<T> {
        let loaded = self.loaded.load();
        let loaded = loaded.as_ref().filter(|loaded| loaded.at.elapsed() <= self.timing.max_key_age)?;
        Some(part(loaded))
    }

    /// When to retry without keys: after 1 to 60 seconds.
    pub(super) fn retry_after(&self) -> Duration {
        let next_fetch = self.fetching.borrow().next_fetch();
        next_fetch.map_or(SHORTEST_RETRY, retry_after)
    }

    /// Fetches the keys now and makes them active if they are usable. Otherwise the active keys stay.
    ///
    /// # Errors
    ///
    /// Why the fetch failed. It is already logged.
    pub async fn refresh(&self) -> Result<(), KeyRefreshError> {
        let _one_fetch = self.one_fetch_at_a_time.lock().await;
        self.load_initial_keys().await;
        let under_way = FetchUnderWay::begin(&self.fetching);
        let fetched = time::timeout(FETCH_TIMEOUT, self.fetch()).await.unwrap_or(Err(KeyRefreshError::TimedOut));
        let fraction = (self.random_fraction)();
        let after = |delay| Instant::now() + jittered(delay, fraction);
        match fetched {
            Ok(max_age) => {
                self.good_refreshes.fetch_add(1, Ordering::Relaxed);
                under_way.succeed(after(refresh_delay(self.timing.refresh_interval, max_age)));
                Ok(())
            }
            Err(error) => {
                self.failed_refreshes.fetch_add(1, Ordering::Relaxed);
                let failures = self.fetching.borrow().failures().saturating_add(1);
                let has_keys = self.is_ready();
                let cause = error_chain(&error);
                tracing::warn!(issuer = %self.issuer, failures, has_keys, error = cause, "cannot refresh keys: fetching them failed");
                under_way.fail(failures, after(retry_delay(failures)));
                Err(error)
            }
        }
    }

    /// Requests a fetch, regardless of the budget for calls. A fetch in flight is followed by another one, because the
    /// keys may have changed since it began.
    pub fn refresh_soon(&self) {
        self.fetching.send_modify(Fetching::demand);
    }

    /// Keeps the keys fresh while it is polled; it never returns. It fetches at once if no fetch was made yet, then
    /// when a fetch is due, earlier after a failure, and when a call needs an unknown key.
    pub async fn keep_fresh(&self) {
        let mut fetching = self.fetching.subscribe();
        loop {
            let due = fetching.borrow().next_fetch().unwrap_or_else(Instant::now);
            tokio::select! {
                () = time::sleep_until(due) => {}
                _ = fetching.wait_for(Fetching::is_wanted) => {}
            }
            // A failure was logged and the next attempt is scheduled.
            let _ = self.refresh().await;
        }
    }

    /// Searches the keys for a call that began at `asked`, and waits for a fetch if the active keys do not have it. The
    /// wait is at most a second, and only for a fetch that is pending or that the budget of the call's cause permits.
    pub(super) async fn search(&self, asked: Instant, cause: Cause, found: impl Fn(&KeySet) -> bool) -> SearchResult {
        let mut fetching = self.fetching.subscribe();
        let deadline = Instant::now() + LONGEST_WAIT;
        // At most three rounds: a fetch from before the call may end first, then one that began later.
        loop {
            if self.current().is_some_and(|keys| found(&keys.set)) {
                return SearchResult::Found;
            }
            if self.fetching.borrow().is_confirmed_since(asked) {
                return SearchResult::NotPublished;
            }
            let ended = match self.ask(cause) {
                FetchRequest::Pending(ended) => ended,
                FetchRequest::NotBefore(_) => return self.unknown(cause),
            };
            let end = fetching.wait_for(|fetching| fetching.ended() != ended);
            // The result of the wait locks the state, so it must not outlive this statement.
            let is_good = matches!(time::timeout_at(deadline, end).await, Ok(Ok(fetching)) if fetching.last_was_good());
            if !is_good {
                return self.unknown(cause);
            }
        }
    }

    fn ask(&self, cause: Cause) -> FetchRequest {
        let now = Instant::now();
        let mut asked = FetchRequest::NotBefore(now);
        self.fetching.send_if_modified(|fetching| {
            let was_wanted = fetching.is_wanted();
            asked = fetching.ask(cause, now);
            fetching.is_wanted() != was_wanted
        });
        asked
    }

    fn unknown(&self, cause: Cause) -> SearchResult {
        let now = Instant::now();
        let mut next = now;
        self.fetching.send_if_modified(|fetching| {
            next = fetching.next_for(cause, now);
            false
        });
        SearchResult::Unknown { retry_after: retry_after(next) }
    }

    /// Reads the initial keys, until a fetch has succeeded. A failure is only logged.
    async fn load_initial_keys(&self) {
        let Some(start) = &self.start else { return };
        if self.loaded.load().as_ref().is_some_and(|loaded| loaded.origin == Origin::Fetched) {
            return;
        }
        let read = async { Ok(KeySet::import(&start.fetch().await?.bytes, &self.rules)?) };
        match time::timeout(INITIAL_KEYS_TIMEOUT, read).await.unwrap_or(Err(KeyRefreshError::TimedOut)) {
            Ok((set, skipped)) => {
                if self.activate(set, Origin::StartFile) {
                    self.report(Origin::StartFile, &skipped);
                }
            }
            Err(error) => {
                let cause = error_chain(&error);
                tracing::warn!(issuer = %self.issuer, error = cause, "reading the initial keys from jwks_file failed");
            }
        }
    }

    async fn fetch(&self) -> Result<Option<Duration>, KeyRefreshError> {
        let document = self.source.fetch().await?;
        let (set, skipped) = KeySet::import(&document.bytes, &self.rules)?;
        self.activate(set, Origin::Fetched);
        self.report(Origin::Fetched, &skipped);
        Ok(document.max_age)
    }

    fn report(&self, origin: Origin, skipped: &[SkippedKey]) {
        let keys = self.loaded.load().as_ref().map_or(0, |loaded| loaded.set.len());
        // A SPIFFE bundle also has keys for X.509 (`x509-svid`), and a set for several tenants also keys of one tenant
        // only: those are no reason for a warning.
        let expected = |skipped: &SkippedKey| match skipped.reason {
            SkipReason::NotForVerifying => self.rules.key_use == KeyUse::JwtSvid,
            SkipReason::OtherIssuer => true,
            _ => false,
        };
        let issuer = &self.issuer;
        match (origin, skipped.iter().all(expected)) {
            (Origin::Fetched, true) => tracing::info!(%issuer, keys, "refreshed keys"),
            (Origin::Fetched, false) => {
                tracing::warn!(%issuer, keys, skipped = list(skipped), "refreshed keys, but some were refused");
            }
            (Origin::StartFile, true) => {
                tracing::info!(%issuer, keys, "using the keys of jwks_file until keys are fetched");
            }
            (Origin::StartFile, false) => tracing::warn!(
                %issuer,
                keys,
                skipped = list(skipped),
                "using the keys of jwks_file until keys are fetched, but some were refused"
            ),
        }
    }

    /// Makes a set active, and returns whether it differs from the one before. An equal set only updates the age of the
    /// active one, if it was fetched: cached tokens stay valid.
    fn activate(&self, set: KeySet, origin: Origin) -> bool {
        let now = Instant::now();
        let in_use = self.loaded.load_full();
        let same = in_use.as_ref().filter(|in_use| *in_use.set == set);
        let loaded = match (same, &in_use) {
            (Some(same), _) => LoadedKeys {
                set: Arc::clone(&same.set),
                generation: same.generation,
                at: if origin == Origin::Fetched { now } else { same.at },
                origin,
            },
            (None, Some(other)) => {
                LoadedKeys { set: Arc::new(set), generation: other.generation.next(), at: now, origin }
            }
            (None, None) => LoadedKeys { set: Arc::new(set), generation: KeyGeneration::default(), at: now, origin },
        };
        let is_other = same.is_none();
        self.loaded.store(Some(Arc::new(loaded)));
        is_other
    }
}

/// The shortest delay that a caller gets for its retry.
const SHORTEST_RETRY: Duration = Duration::from_secs(1);

/// The delay that a caller gets for its retry: 1 to 60 seconds.
fn retry_after(next_fetch: Instant) -> Duration {
    let wait = next_fetch.saturating_duration_since(Instant::now());
    wait.clamp(SHORTEST_RETRY, Duration::from_mins(1))
}

/// Distinguishes a set of an issuer's keys from earlier ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct KeyGeneration(u64);

impl KeyGeneration {
    const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// The active keys at one moment.
#[derive(Debug, Clone)]
pub(super) struct CurrentKeys {
    pub(super) set: Arc<KeySet>,
    pub(super) generation: KeyGeneration,
}

/// Why keys were not refreshed.
#[derive(Debug, Error)]
pub enum KeyRefreshError {
    /// The document cannot be fetched.
    #[error("cannot fetch the key document")]
    Fetch(#[from] KeySourceError),
    /// The document is not usable.
    #[error(transparent)]
    Import(#[from] KeySetError),
    /// The source did not answer within 15 seconds.
    #[error("fetching the key document timed out")]
    TimedOut,
}

/// The result of a [search](KeyRing::search).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SearchResult {
    /// The active set has it.
    Found,
    /// A successful fetch that began after the call shows that the issuer does not publish it.
    NotPublished,
    /// No fetch since the call began has succeeded: the issuer may have other keys than this ring.
    Unknown {
        /// When to retry: after 1 to 60 seconds.
        retry_after: Duration,
    },
}

#[derive(Debug)]
struct LoadedKeys {
    set: Arc<KeySet>,
    generation: KeyGeneration,
    /// When a fetch last confirmed the set, or when the file with the initial keys was read.
    at: Instant,
    origin: Origin,
}

/// Where a set came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    StartFile,
    Fetched,
}

#[cfg(test)]
mod tests;
