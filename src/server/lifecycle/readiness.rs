//! Whether calls can be answered, and which parts are unavailable.
//!
//! A replica that has just started waits for all its parts, so that a rolling update does not replace replicas that
//! have them with one that does not. Later it stays in service without some: an outage usually affects all replicas,
//! and callers that do not need the part must not lose their service.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::server_state::{Found, Part, ServerState, names, state_of};
use crate::audit::AuditTrail;
use crate::calls::SERVICE_NAME;
use crate::telemetry::{PartStatus, ReadinessStatus};
use access_broker_base::clock::Clock;
use access_broker_identity::Authenticator;
use access_broker_policy::{BucketName, Operation};
use access_broker_s3::presign::SignerStatus;

/// How often the parts are checked while the server does not serve.
const POLL_UNTIL_READY: Duration = Duration::from_millis(20);

/// How often the parts are checked while it serves.
const POLL_WHEN_READY: Duration = Duration::from_secs(1);

/// The readiness settings.
#[derive(Debug, Clone, Default)]
pub(in crate::server) struct ReadinessSettings {
    /// The issuers whose keys are required.
    pub(in crate::server) issuers: BTreeSet<String>,
    /// The buckets whose credentials are required.
    pub(in crate::server) buckets: BTreeSet<BucketName>,
    /// Whether a listener authenticates callers without tokens, which needs no issuer's keys.
    pub(in crate::server) proves_without_tokens: bool,
    /// How long a start waits for all parts.
    pub(in crate::server) startup_wait: Duration,
}

/// The parts that readiness checks.
pub(in crate::server) struct CheckedParts {
    pub(in crate::server) authenticator: Arc<Authenticator>,
    pub(in crate::server) signers: Vec<Arc<dyn SignerStatus>>,
    pub(in crate::server) audit: AuditTrail,
    pub(in crate::server) clock: Arc<dyn Clock>,
}

/// Checks which parts are available. Clones share everything.
#[derive(Clone)]
pub struct Readiness(Arc<Shared>);

struct Shared {
    parts: CheckedParts,
    settings: ReadinessSettings,
    started: Instant,
    /// Whether health has said SERVING once.
    has_served: AtomicBool,
    draining: CancellationToken,
    /// What health says now, and why.
    reported: watch::Sender<ServerState>,
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").field("state", &self.state()).finish_non_exhaustive()
    }
}

impl Readiness {
    pub(in crate::server) fn new(parts: CheckedParts, settings: ReadinessSettings) -> Self {
        Self(Arc::new(Shared {
            parts,
            settings,
            started: Instant::now(),
            has_served: AtomicBool::new(false),
            draining: CancellationToken::new(),
            reported: watch::Sender::new(ServerState::Starting(Vec::new())),
        }))
    }

    /// The state of the server now.
    #[must_use]
    pub fn state(&self) -> ServerState {
        let Shared { settings, started, has_served, draining, .. } = &*self.0;
        if draining.is_cancelled() {
            return ServerState::Stopping;
        }
        let start_is_over = has_served.load(Ordering::Relaxed) || started.elapsed() >= settings.startup_wait;
        state_of(self.0.find(), start_is_over, settings.proves_without_tokens)
    }

    /// Follows the reported state.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<ServerState> {
        self.0.reported.subscribe()
    }

    /// Returns when health says SERVING.
    pub async fn ready(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let mut reported = self.subscribe();
        let _now = reported.wait_for(ServerState::is_serving).await;
    }

    /// Sets health to NOT_SERVING permanently, and returns when it is reported.
    pub(in crate::server) async fn drain(&self) {
        self.0.draining.cancel();
        let mut reported = self.subscribe();
        // With a time limit, because the watching task may have ended.
        let told = reported.wait_for(|state| *state == ServerState::Stopping);
        let _in_time = time::timeout(2 * POLL_WHEN_READY, told).await;
    }

    /// Keeps health up to date. Never returns.
    pub(in crate::server) async fn watch(self, health: HealthReporter) {
        let mut last: Option<ServerState> = None;
        loop {
            let state = self.state();
            let serves = state.is_serving();
            if last.as_ref() != Some(&state) {
                publish(&health, serves).await;
                self.0.has_served.fetch_or(serves, Ordering::Relaxed);
                self.log(&state);
                self.0.reported.send_replace(state.clone());
                last = Some(state);
            }
            self.pause(serves).await;
        }
    }

    fn log(&self, state: &ServerState) {
        let missing = names(state.missing());
        match state {
            ServerState::Serving(parts) if parts.is_empty() => tracing::info!("serving"),
            ServerState::Serving(_) => tracing::warn!(missing, "serving, but some parts are unavailable"),
            ServerState::Starting(_) => {
                let wait = humantime::format_duration(self.0.settings.startup_wait);
                tracing::info!(missing, startup_wait = %wait, "not serving yet: waiting for unavailable parts");
            }
            ServerState::NotServing(_) => tracing::warn!(missing, "not serving: parts are unavailable"),
            ServerState::Stopping => tracing::info!("no longer serving: the server is stopping"),
        }
    }

    /// The state for metrics.
    pub(in crate::server) fn status(&self) -> ReadinessStatus {
        let status = |Found { part, available, required }: Found| PartStatus {
            kind: part.kind(),
            name: part.name().into(),
            available,
            required,
        };
        let is_serving = self.0.reported.borrow().is_serving();
        ReadinessStatus { is_serving, parts: self.0.find().into_iter().map(status).collect() }
    }

    /// Waits until the next check is due.
    async fn pause(&self, serves: bool) {
        let interval = if serves { POLL_WHEN_READY } else { POLL_UNTIL_READY };
        tokio::select! {
            () = time::sleep(interval) => {}
            () = self.0.draining.cancelled(), if serves => {}
        }
    }
}

impl Shared {
    /// Every part, in the order of [`Part`].
    fn find(&self) -> Vec<Found> {
        let CheckedParts { authenticator, signers, audit, clock } = &self.parts;
        let ReadinessSettings { issuers, buckets, .. } = &self.settings;
        let keys = authenticator.key_status().into_iter().map(|(issuer, status)| {
            let required = issuers.contains(&*issuer);
            Found { part: Part::IssuerKeys(issuer), available: status.usable, required }
        });
        let credentials = signing_parts(signers, clock.now()).into_iter().map(|(part, available)| {
            let required = part.bucket().is_some_and(|bucket| buckets.contains(bucket));
            Found { part, available, required }
        });
        let audit = audit.state();
        let audit =
            audit.map(|state| Found { part: Part::AuditTrail, available: state.available, required: state.required });
        keys.chain(credentials).chain(audit).collect()
    }
}

/// The signing parts, in order. A bucket with several signers is available if all of them can sign.
fn signing_parts(signers: &[Arc<dyn SignerStatus>], now: SystemTime) -> BTreeMap<Part, bool> {
    let mut parts = BTreeMap::new();
    for found in signers.iter().flat_map(|signer| signer.availability(now)) {
        let part = match found.operation {
            Operation::Download => Part::SigningCredentials(found.bucket),
            Operation::Upload => Part::UploadCredentials(found.bucket),
        };
        *parts.entry(part).or_insert(true) &= found.available;
    }
    parts
}

/// Reports health for the whole server and for the service by name.
pub(in crate::server) async fn publish(health: &HealthReporter, serving: bool) {
    let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    health.set_service_status("", status).await;
    health.set_service_status(SERVICE_NAME, status).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::second_signer::{HmacSigner, s3};

    #[tokio::test]
    async fn a_signer_of_another_kind_is_part_of_its_bucket() {
        let [media, other] = ["media", "other"].map(|name| BucketName::parse(name).unwrap());
        let cdn = Arc::new(HmacSigner::new(media.clone(), true));
        let alone = Arc::new(HmacSigner::new(other.clone(), false));
        let signers: [Arc<dyn SignerStatus>; 3] = [Arc::new(s3(&media).await), Arc::clone(&cdn) as _, alone];
        let parts = || signing_parts(&signers, SystemTime::now()).into_iter().collect::<Vec<_>>();
        let (media, other) = (Part::SigningCredentials(media), Part::SigningCredentials(other));
        assert_eq!(parts(), [(media.clone(), true), (other.clone(), false)]);
        cdn.lose_key();
        assert_eq!(parts(), [(media, false), (other, false)]);
    }
}
