//! The life of an issuer's keys: fetched ahead, kept through outages, never replaced by worse.

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
pub(super) use schedule::REFRESH_INTERVAL_LIMITS;
pub use status::KeyRingStatus;

use fetching::{Asked, FetchUnderWay, Fetching};
use schedule::{refresh_delay, retry_delay};

/// The longest that one call waits for keys that it made the ring fetch.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The longest fetch, whatever the source's own limits are.
const FETCH_TIMEOUT: Duration = Duration::from_secs(15);

/// The longest reading of the file with the keys to start with.
const START_FILE_TIMEOUT: Duration = Duration::from_secs(2);

/// How often keys are fetched and how long they may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRingTiming {
    /// The time between fetches where the source gives none.
    pub(crate) refresh_interval: Duration,
    /// How long a set may be used after the last fetch that succeeded. Above the longest time between fetches, which
    /// is 66 minutes, or keys run out while their source works.
    pub max_key_age: Duration,
}

/// The keys of one issuer as of the last good fetch. Readers take no lock and never wait for a fetch, except that a
/// call with an unknown key or a bad signature may wait a second for one that all such calls share.
///
/// Time is measured by the monotonic clock, so that a leap of the wall clock neither stops nor hastens a refresh.
#[derive(Debug)]
pub struct KeyRing {
    issuer: Arc<str>,
    rules: KeyRules,
    source: Box<dyn KeySource>,
    /// Where keys are until the first good fetch.
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

    /// Has the ring begin with keys from another source, such as a file: they are used until the first good fetch, from
    /// which on that source is not read any more.
    #[must_use]
    pub(crate) fn starting_with(mut self, start: Box<dyn KeySource>) -> Self {
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
        let next_fetch = self.fetching.borrow().next_fetch();
        next_fetch.map_or(SHORTEST_RETRY, retry_after)
    }

    /// Fetches the keys now and puts them in use if they are good. Otherwise those in use stay.
    ///
    /// # Errors
    ///
    /// Why there are no new keys. It was logged.
    pub async fn refresh(&self) -> Result<(), KeyRefreshError> {
        let _one_fetch = self.one_fetch_at_a_time.lock().await;
        self.start_with_file().await;
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
                tracing::warn!(issuer = %self.issuer, failures, has_keys, error = cause, "key refresh failed");
                under_way.fail(failures, after(retry_delay(failures)));
                Err(error)
            }
        }
    }

    /// Has the keys fetched soon, whatever calls have caused so far. A fetch that is under way is followed by another,
    /// because the keys may have changed since it began.
    pub fn refresh_soon(&self) {
        self.fetching.send_modify(Fetching::demand);
    }

    /// Keeps the keys fresh for as long as it is polled: it never returns. It fetches at once where no fetch was made
    /// yet, then when the keys' time is up, sooner after a failure, and when a call brings an unknown key.
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

    /// Looks for something that the set in use lacks, on behalf of a call that began at `asked`: gives the issuer a
    /// chance to publish it. This waits for a second at most, and only for a fetch that is pending already or that the
    /// call's cause may still have.
    pub(super) async fn search(&self, asked: Instant, cause: Cause, found: impl Fn(&KeySet) -> bool) -> Search {
        let mut fetching = self.fetching.subscribe();
        let deadline = Instant::now() + LONGEST_WAIT;
        // At most three rounds: a fetch that began before the call may end first, then one that began later.
        loop {
            if self.current().is_some_and(|keys| found(&keys.set)) {
                return Search::Found;
            }
            if self.fetching.borrow().is_confirmed_since(asked) {
                return Search::NotPublished;
            }
            let ended = match self.ask(cause) {
                Asked::Pending(ended) => ended,
                Asked::NotBefore(_) => return self.unknown(cause),
            };
            let end = fetching.wait_for(|fetching| fetching.ended() != ended);
            // The state is locked for as long as what the wait yields is held: not beyond this statement.
            let is_good = matches!(time::timeout_at(deadline, end).await, Ok(Ok(fetching)) if fetching.last_was_good());
            if !is_good {
                return self.unknown(cause);
            }
        }
    }

    fn ask(&self, cause: Cause) -> Asked {
        let now = Instant::now();
        let mut asked = Asked::NotBefore(now);
        self.fetching.send_if_modified(|fetching| {
            let was_wanted = fetching.is_wanted();
            asked = fetching.ask(cause, now);
            fetching.is_wanted() != was_wanted
        });
        asked
    }

    fn unknown(&self, cause: Cause) -> Search {
        let now = Instant::now();
        let mut next = now;
        self.fetching.send_if_modified(|fetching| {
            next = fetching.next_for(cause, now);
            false
        });
        Search::Unknown { retry_after: retry_after(next) }
    }

    /// Reads the keys to start with, as long as no fetch has succeeded. What is wrong with them is only logged.
    async fn start_with_file(&self) {
        let Some(start) = &self.start else { return };
        if self.loaded.load().as_ref().is_some_and(|loaded| loaded.origin == Origin::Fetched) {
            return;
        }
        let read = async { Ok(KeySet::import(&start.fetch().await?.bytes, &self.rules)?) };
        match time::timeout(START_FILE_TIMEOUT, read).await.unwrap_or(Err(KeyRefreshError::TimedOut)) {
            Ok((set, skipped)) => {
                if self.put_in_use(set, Origin::StartFile) {
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
        self.put_in_use(set, Origin::Fetched);
        self.report(Origin::Fetched, &skipped);
        Ok(document.max_age)
    }

    fn report(&self, origin: Origin, skipped: &[SkippedKey]) {
        let keys = self.loaded.load().as_ref().map_or(0, |loaded| loaded.set.len());
        // A SPIFFE bundle also has keys for X.509 (`x509-svid`): those are no reason for a warning.
        let expected = |skipped: &SkippedKey| {
            self.rules.key_use == KeyUse::JwtSvid && skipped.reason == SkipReason::NotForVerifying
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

    /// Tells whether the set is another than the one in use. One that equals it only makes that one younger, where it was
    /// fetched: what was verified by it stays verified.
    fn put_in_use(&self, set: KeySet, origin: Origin) -> bool {
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

/// The shortest time after which a caller is told to try again.
const SHORTEST_RETRY: Duration = Duration::from_secs(1);

/// How long a caller is told to wait: 1 to 60 seconds.
fn retry_after(next_fetch: Instant) -> Duration {
    let wait = next_fetch.saturating_duration_since(Instant::now());
    wait.clamp(SHORTEST_RETRY, Duration::from_mins(1))
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
pub(super) enum Search {
    /// The set in use has it.
    Found,
    /// A good fetch that began after the call shows that the issuer does not publish it.
    NotPublished,
    /// No fetch since the call began has succeeded: the issuer may have keys that this ring has not.
    Unknown {
        /// When the next fetch can begin, at the latest: 1 to 60 seconds.
        retry_after: Duration,
    },
}

#[derive(Debug)]
struct LoadedKeys {
    set: Arc<KeySet>,
    generation: KeyGeneration,
    /// When a fetch last confirmed the set, or the file that the ring started with was read.
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
