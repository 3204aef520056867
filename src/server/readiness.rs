//! Whether calls can be answered, and what is missing if not.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::clock::Clock;
use crate::grpc::SERVICE_NAME;
use crate::identity::Authenticator;
use crate::policy::{BucketName, Operation};
use crate::presign::SigV4Presigner;

/// How often the parts are asked while something is missing.
const POLL_UNTIL_READY: Duration = Duration::from_millis(20);

/// How often the parts are asked while nothing is.
const POLL_WHEN_READY: Duration = Duration::from_secs(1);

/// One thing that calls need and that is not there. The policy is never missing: the server does not start without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// The keys of an issuer.
    IssuerKeys(Arc<str>),
    /// The credentials that sign for a bucket.
    SigningCredentials(BucketName),
    /// The credentials that sign uploads to a bucket, where they are others.
    UploadCredentials(BucketName),
    /// Nothing; the server is about to stop.
    Draining,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IssuerKeys(issuer) => write!(f, "keys of issuer {issuer}"),
            Self::SigningCredentials(bucket) => write!(f, "signing credentials of bucket {bucket}"),
            Self::UploadCredentials(bucket) => write!(f, "upload credentials of bucket {bucket}"),
            Self::Draining => f.write_str("the server is stopping"),
        }
    }
}

/// Asks the parts what is missing. Clones share everything.
#[derive(Clone)]
pub struct Readiness {
    authenticator: Arc<Authenticator>,
    presigner: Arc<SigV4Presigner>,
    clock: Arc<dyn Clock>,
    draining: CancellationToken,
    /// What health says at the moment.
    serving: watch::Sender<bool>,
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").field("missing", &self.missing()).finish_non_exhaustive()
    }
}

impl Readiness {
    pub(super) fn new(
        authenticator: Arc<Authenticator>,
        presigner: Arc<SigV4Presigner>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { authenticator, presigner, clock, draining: CancellationToken::new(), serving: watch::Sender::new(false) }
    }

    /// What is missing now; nothing if calls can be answered.
    #[must_use]
    pub fn missing(&self) -> Vec<Missing> {
        if self.draining.is_cancelled() {
            return vec![Missing::Draining];
        }
        let keys = self.authenticator.issuers_without_keys().into_iter().map(Missing::IssuerKeys);
        let now = self.clock.now();
        let without = |operation| {
            let mut buckets: Vec<_> = self.presigner.buckets_without_credentials(operation, now).cloned().collect();
            buckets.sort();
            buckets.into_iter()
        };
        let signing = without(Operation::Download).map(Missing::SigningCredentials);
        let uploads = without(Operation::Upload).map(Missing::UploadCredentials);
        keys.chain(signing).chain(uploads).collect()
    }

    /// Returns once health says SERVING.
    pub async fn ready(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let mut serving = self.serving.subscribe();
        let _now = serving.wait_for(|serving| *serving).await;
    }

    /// Turns health to NOT_SERVING for good, and returns once it says so.
    pub(super) async fn drain(&self) {
        self.draining.cancel();
        let mut serving = self.serving.subscribe();
        // Bounded, in case that nobody watches any more.
        let _in_time = time::timeout(2 * POLL_WHEN_READY, serving.wait_for(|serving| !*serving)).await;
    }

    /// Keeps health true to what is missing. Never returns.
    pub(super) async fn watch(self, health: HealthReporter) {
        let mut reported: Option<Vec<Missing>> = None;
        loop {
            let missing = self.missing();
            let ready = missing.is_empty();
            if reported.as_ref() != Some(&missing) {
                publish(&health, ready).await;
                let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
                match missing.as_slice() {
                    [] => tracing::info!("serving"),
                    [Missing::Draining] => tracing::info!("no longer serving: the server is stopping"),
                    _ => tracing::warn!(missing = names.join(", "), "not serving"),
                }
                reported = Some(missing);
            }
            self.serving.send_replace(ready);
            self.pause(ready).await;
        }
    }

    /// Waits until it is worth asking again.
    async fn pause(&self, ready: bool) {
        let interval = if ready { POLL_WHEN_READY } else { POLL_UNTIL_READY };
        tokio::select! {
            () = time::sleep(interval) => {}
            () = self.draining.cancelled(), if ready => {}
        }
    }
}

/// Tells health for the server as a whole and for the service by its name.
pub(super) async fn publish(health: &HealthReporter, serving: bool) {
    let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    health.set_service_status("", status).await;
    health.set_service_status(SERVICE_NAME, status).await;
}
