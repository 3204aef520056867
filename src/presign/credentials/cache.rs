//! Credentials at hand, renewed in the background.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_lc_rs::rand;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::error::CredentialsError;
use super::schedule::{until_renewal, until_retry};
use super::snapshot::CredentialsSnapshot;
use crate::clock::Clock;

/// How long a provider may take.
const LOAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the loop looks at the clock: a machine that slept or whose clock was set must not sleep on.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// One set of credentials, read ahead of need.
///
/// Signing takes the current snapshot without a lock and never waits for a provider. A snapshot is replaced only by
/// one that can sign.
pub struct CredentialsCache {
    provider: SharedCredentialsProvider,
    clock: Arc<dyn Clock>,
    longest_url_life: Duration,
    random: Box<dyn Fn() -> f64 + Send + Sync>,
    current: ArcSwapOption<CredentialsSnapshot>,
    /// When to renew. Held while loading, so that an older answer never overwrites a newer one.
    renewal: Mutex<Option<SystemTime>>,
}

impl CredentialsCache {
    /// An empty cache over a provider, which must not cache itself. `longest_url_life` is the largest TTL that any
    /// policy may give: renewal is timed so that there is always enough life left for it.
    #[must_use]
    pub fn new(provider: impl ProvideCredentials + 'static, clock: Arc<dyn Clock>, longest_url_life: Duration) -> Self {
        Self {
            provider: SharedCredentialsProvider::new(provider),
            clock,
            longest_url_life,
            random: Box::new(system_random),
            current: ArcSwapOption::empty(),
            renewal: Mutex::new(None),
        }
    }

    /// Replaces the source of the random numbers, from 0 to 1, that spread renewals and retries.
    #[must_use]
    pub fn with_random(self, random: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self { random: Box::new(random), ..self }
    }

    /// The credentials read last. They may have expired since: ask
    /// [`usable_for`](CredentialsSnapshot::usable_for) with the instant of the request.
    #[must_use]
    pub fn snapshot(&self) -> Option<Arc<CredentialsSnapshot>> {
        self.current.load_full()
    }

    /// Asks the provider once, for at most 10 seconds, and takes what it gives.
    ///
    /// # Errors
    ///
    /// When the provider fails, takes too long, or gives credentials that cannot sign. The snapshot stays what it was.
    pub async fn refresh(&self) -> Result<(), CredentialsError> {
        let mut renewal = self.renewal.lock().await;
        let answer = timeout(LOAD_TIMEOUT, self.provider.provide_credentials()).await;
        let credentials = answer.map_err(|_| CredentialsError::TimedOut(LOAD_TIMEOUT))??;
        let snapshot = CredentialsSnapshot::new(credentials)?;
        if snapshot.end_is_unknown() {
            return Err(CredentialsError::EndUnknown);
        }
        let now = self.clock.now();
        if snapshot.usable_for(now).is_zero() {
            return Err(CredentialsError::Expired);
        }
        self.log_change(&snapshot);
        let life = snapshot.expiry().map(|expiry| expiry.duration_since(now).unwrap_or_default());
        *renewal = now.checked_add(until_renewal(life, self.longest_url_life, (self.random)()));
        self.current.store(Some(Arc::new(snapshot)));
        Ok(())
    }

    /// Renews the credentials for as long as it is polled: spawn it, and drop it to stop.
    ///
    /// After a failure the old snapshot stays, and the provider is asked again after 1 to 60 seconds.
    pub async fn keep_fresh(self: Arc<Self>) {
        let mut failures = 0_u32;
        loop {
            let pause = self.until_renewal().await;
            if !pause.is_zero() {
                sleep(pause.min(LONGEST_SLEEP)).await;
                continue;
            }
            match self.refresh().await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    let pause = until_retry(failures, (self.random)());
                    let usable = self.snapshot().map_or(Duration::ZERO, |held| held.usable_for(self.clock.now()));
                    tracing::warn!(
                        %error,
                        failures,
                        retry_in_ms = pause.as_millis(),
                        usable_seconds = usable.as_secs(),
                        "signing credentials could not be renewed"
                    );
                    sleep(pause).await;
                }
            }
        }
    }

    async fn until_renewal(&self) -> Duration {
        let renewal = *self.renewal.lock().await;
        renewal.and_then(|at| at.duration_since(self.clock.now()).ok()).unwrap_or_default()
    }

    fn log_change(&self, new: &CredentialsSnapshot) {
        let old = self.snapshot();
        let same_key = old.as_ref().is_some_and(|old| old.has_key_id_of(new));
        if same_key && old.is_some_and(|old| old.expiry() < new.expiry()) {
            // Instance metadata that is out of order does this: the SDK then extends expired credentials by itself.
            tracing::debug!("signing credentials have a later expiry and the same access key");
        }
    }
}

impl fmt::Debug for CredentialsCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialsCache").field("snapshot", &self.snapshot()).finish_non_exhaustive()
    }
}

/// A random number from 0 to 1. Without a working generator it is a constant: jitter is no secret.
fn system_random() -> f64 {
    let mut bytes = [0; 4];
    match rand::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}
