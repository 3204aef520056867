//! A cache of credentials that are renewed in the background.

mod held_credentials;
mod renewal;
mod status;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, timeout};

pub(crate) use status::CredentialsStatus;

use held_credentials::HeldCredentials;
use renewal::until_next;
use status::Counters;

use super::changes::SourceChanges;
use super::error::CredentialsError;
use super::origin::CredentialsOrigin;
use super::refresh_result::RefreshResult;
use super::schedule::{until_renewal, until_renewal_of_stale, until_retry};
use super::snapshot::CredentialsSnapshot;
use access_broker_base::clock::Clock;
use access_broker_base::pacing::random_fraction;

/// The time limit of a provider.
const LOAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest sleep of the renewal loop: after a suspend of the machine or a change of its clock the time must be
/// checked.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// One set of credentials, read ahead of need.
///
/// Signing takes the current snapshot without a lock and never waits for a provider. A snapshot is replaced only by
/// one that can sign.
pub struct CredentialsCache {
    provider: SharedCredentialsProvider,
    changes: Option<Box<dyn SourceChanges>>,
    clock: Arc<dyn Clock>,
    longest_url_life: watch::Sender<Duration>,
    /// Notifies of a request to ask the provider now.
    requests: watch::Sender<()>,
    random: Box<dyn Fn() -> f64 + Send + Sync>,
    held: ArcSwapOption<HeldCredentials>,
    /// Locked while loading, so that an older answer cannot overwrite a newer one.
    renewals: Mutex<Renewals>,
    last_attempt: ArcSwapOption<SystemTime>,
    counters: Counters,
}

/// The results of past attempts, which decide when the next one is due.
#[derive(Debug, Default)]
struct Renewals {
    last_result: Option<RefreshResult>,
    /// The last attempt that gave credentials that can sign.
    last_load: Option<LastLoad>,
    /// The source of those, if known.
    origin: Option<CredentialsOrigin>,
}

/// The attempt that returned the active credentials.
#[derive(Debug)]
struct LastLoad {
    at: SystemTime,
    is_stale: bool,
    /// The longest lifetime of URLs at that time.
    longest_url_life: Duration,
    /// The jitter of the next attempt, from 0 to 1.
    random: f64,
}

impl CredentialsCache {
    /// An empty cache over a provider, which must not have a cache. `longest_url_life` is the largest TTL that the
    /// policy permits: renewal is early enough for it.
    #[must_use]
    pub fn new(provider: impl ProvideCredentials + 'static, clock: Arc<dyn Clock>, longest_url_life: Duration) -> Self {
        Self {
            provider: SharedCredentialsProvider::new(provider),
            changes: None,
            clock,
            longest_url_life: watch::Sender::new(longest_url_life),
            requests: watch::Sender::new(()),
            random: Box::new(random_fraction),
            held: ArcSwapOption::empty(),
            renewals: Mutex::default(),
            last_attempt: ArcSwapOption::empty(),
            counters: Counters::default(),
        }
    }

    /// Replaces the random generator (0 to 1) for the jitter of renewals and retries.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn with_random(self, random: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self { random: Box::new(random), ..self }
    }

    /// Also asks the provider when its source has changed, at least 10 seconds after the last attempt.
    #[must_use]
    pub(crate) fn with_changes(self, changes: impl SourceChanges + 'static) -> Self {
        Self { changes: Some(Box::new(changes)), ..self }
    }

    /// Sets the longest lifetime of URLs. If the active credentials are not valid for long enough,
    /// [`keep_fresh`](Self::keep_fresh) renews them at once.
    pub(crate) fn set_longest_url_life(&self, longest_url_life: Duration) {
        self.longest_url_life.send_if_modified(|held| {
            let differs = *held != longest_url_life;
            *held = longest_url_life;
            differs
        });
    }

    /// Requests that [`keep_fresh`](Self::keep_fresh) asks the provider now. The active credentials stay active if the
    /// provider fails. Several requests before it is asked count once.
    pub(crate) fn renew_soon(&self) {
        self.requests.send_replace(());
    }

    /// The active credentials. They may have expired: check [`usable_for`](CredentialsSnapshot::usable_for) with the
    /// time of the request.
    #[must_use]
    pub(crate) fn snapshot(&self) -> Option<Arc<CredentialsSnapshot>> {
        self.held.load().as_ref().map(|held| Arc::clone(&held.current))
    }

    /// The credentials for stable URLs, which are the same during a window of time from `start` and valid until `end`:
    /// the first credentials of that window, also if they were replaced since.
    ///
    /// The previous credentials are returned only if the current ones were loaded after `start`, and if the previous
    /// ones are temporary (only those certainly stay valid after a replacement), can sign at `now`, and are valid until
    /// `end` plus a margin of 30 seconds. Otherwise the current ones are returned, as by [`snapshot`](Self::snapshot).
    #[must_use]
    pub(crate) fn snapshot_for_window(
        &self,
        start: SystemTime,
        end: SystemTime,
        now: SystemTime,
    ) -> Option<Arc<CredentialsSnapshot>> {
        self.held.load().as_ref().map(|held| Arc::clone(held.for_window(start, end, now)))
    }

    /// Asks the provider once, for at most 10 seconds, and stores its credentials.
    ///
    /// # Errors
    ///
    /// When the provider fails, times out, or returns credentials that cannot sign. The active credentials stay.
    pub async fn refresh(&self) -> Result<RefreshResult, CredentialsError> {
        let mut renewals = self.renewals.lock().await;
        self.ask(&mut renewals).await
    }

    /// Renews the credentials while it is polled: spawn it, and drop it to stop.
    ///
    /// After a failure the active credentials stay, and the provider is asked again after 1 to 60 seconds, or when its
    /// source has changed.
    pub(crate) async fn keep_fresh(self: Arc<Self>) {
        let mut longest_url_life = self.longest_url_life.subscribe();
        let mut requests = self.requests.subscribe();
        let mut failures = 0_u32;
        let mut is_due = false;
        loop {
            match self.renew_if_due(is_due).await {
                Ok(pause) => {
                    failures = 0;
                    is_due = tokio::select! {
                        () = sleep(pause.min(LONGEST_SLEEP)) => false,
                        // The sender lives as long as `self`, so there is no error.
                        _changed = longest_url_life.changed() => false,
                        () = self.source_changed(false) => true,
                        _requested = requests.changed() => true,
                    };
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    let pause = until_retry(failures, (self.random)());
                    let usable = self.snapshot().map_or(Duration::ZERO, |held| held.usable_for(self.clock.now()));
                    tracing::warn!(
                        %error,
                        failures,
                        retry_in_ms = pause.as_millis(),
                        usable_seconds = usable.as_secs(),
                        "renewal of signing credentials failed"
                    );
                    tokio::select! {
                        () = sleep(pause) => {}
                        () = self.source_changed(true) => {}
                        _requested = requests.changed() => {}
                    }
                    // Retry after a failure, also if the active credentials are valid for long enough.
                    is_due = true;
                }
            }
        }
    }

    /// Returns when the provider's source has changed, at least 10 seconds after the last attempt.
    async fn source_changed(&self, after_failure: bool) {
        match &self.changes {
            Some(changes) => {
                changes.changed(after_failure).await;
                // Asking the provider may itself change its source, which must not cause a loop.
                if let Some(last) = self.last_attempt() {
                    sleep(until_next(last, self.clock.now())).await;
                }
            }
            None => std::future::pending().await,
        }
    }

    /// Renews the credentials if that is due by time or by `is_due`, and returns the time until the next renewal.
    async fn renew_if_due(&self, is_due: bool) -> Result<Duration, CredentialsError> {
        let mut renewals = self.renewals.lock().await;
        self.drop_expired();
        if is_due || self.until_renewal(&renewals).is_zero() {
            self.ask(&mut renewals).await?;
        }
        Ok(self.until_renewal(&renewals))
    }

    fn until_renewal(&self, renewals: &Renewals) -> Duration {
        let (Some(read), Some(snapshot)) = (&renewals.last_load, self.snapshot()) else {
            return Duration::ZERO;
        };
        let (now, longest_url_life) = (self.clock.now(), *self.longest_url_life.borrow());
        if longest_url_life > read.longest_url_life && snapshot.usable_for(now) < longest_url_life {
            return Duration::ZERO;
        }
        let life = snapshot.expiry().map(|expiry| expiry.duration_since(read.at).unwrap_or_default());
        let wait = match life {
            Some(life) if read.is_stale => until_renewal_of_stale(life, read.random),
            _ => until_renewal(life, longest_url_life, read.random),
        };
        let due = read.at.checked_add(wait);
        due.and_then(|due| due.duration_since(now).ok()).unwrap_or_default()
    }

    /// Asks the provider and stores its credentials. The calling function holds the lock.
    async fn ask(&self, renewals: &mut Renewals) -> Result<RefreshResult, CredentialsError> {
        self.note_attempt(self.clock.now());
        let answer = self.load().await;
        let now = self.clock.now();
        self.note_attempt(now);
        let origin = answer.as_ref().ok().and_then(CredentialsOrigin::from_credentials);
        let given = answer.and_then(|credentials| {
            let given = CredentialsSnapshot::new(credentials, now).and_then(require_known_expiry);
            given.map_err(|error| error.with_source(origin.as_ref()))
        });
        let (held, longest_url_life) = (self.held.load(), *self.longest_url_life.borrow());
        let current = held.as_ref().map(|held| &*held.current);
        let result = match &given {
            Ok(given) => RefreshResult::compare(given, current, longest_url_life, now),
            Err(_) => RefreshResult::Failed,
        };
        self.counters.count_refresh(result);
        if result.is_suspect() && renewals.last_result != Some(result) {
            log_suspect(result, current, given.as_ref().ok(), longest_url_life, now);
        }
        renewals.last_result = Some(result);
        let given = given?;
        if given.usable_for(now).is_zero() {
            return Err(CredentialsError::Expired.with_source(origin.as_ref()));
        }
        let is_stale = result == RefreshResult::Stale;
        renewals.last_load = Some(LastLoad { at: now, is_stale, longest_url_life, random: (self.random)() });
        if let Some(source) = origin.filter(|source| renewals.origin.as_ref() != Some(source)) {
            tracing::info!(%source, "signing credentials have a new source");
            renewals.origin = Some(source);
        }
        if result.replaces() {
            self.held.store(Some(Arc::new(HeldCredentials::replace(held.as_deref(), given, now))));
        }
        Ok(result)
    }

    async fn load(&self) -> Result<Credentials, CredentialsError> {
        let answer = timeout(LOAD_TIMEOUT, self.provider.provide_credentials()).await;
        Ok(answer.map_err(|_| CredentialsError::TimedOut(LOAD_TIMEOUT))??)
    }

    /// Drops previous credentials that have expired. Call it with the lock held, like each write.
    fn drop_expired(&self) {
        let held = self.held.load();
        if let Some(rest) = held.as_ref().and_then(|held| held.without_expired(self.clock.now())) {
            self.held.store(Some(Arc::new(rest)));
        }
    }

    fn note_attempt(&self, at: SystemTime) {
        self.last_attempt.store(Some(Arc::new(at)));
    }
}

impl fmt::Debug for CredentialsCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialsCache").field("snapshot", &self.snapshot()).finish_non_exhaustive()
    }
}

fn require_known_expiry(snapshot: CredentialsSnapshot) -> Result<CredentialsSnapshot, CredentialsError> {
    if snapshot.has_unknown_expiry() { Err(CredentialsError::UnknownExpiry) } else { Ok(snapshot) }
}

/// Logs a suspect answer of a provider, without any part of credentials.
fn log_suspect(
    result: RefreshResult,
    held: Option<&CredentialsSnapshot>,
    given: Option<&CredentialsSnapshot>,
    longest_url_life: Duration,
    now: SystemTime,
) {
    let usable_seconds =
        |snapshot: Option<&CredentialsSnapshot>| snapshot.map_or(0, |held| held.usable_for(now).as_secs());
    tracing::warn!(
        result = result.name(),
        usable_seconds = usable_seconds(given),
        usable_seconds_before = usable_seconds(held),
        longest_url_seconds = longest_url_life.as_secs(),
        "the provider returned signing credentials that have expired or may expire too soon"
    );
}
