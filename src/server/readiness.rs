//! Whether calls can be answered, and which parts are missing.
//!
//! A replica that has just started waits for all its parts, so that a rolling update does not replace replicas that have
//! them by one that does not. Later it stays in service through the loss of some: what is lost for one is mostly lost for
//! all replicas, and the callers that need nothing of it must not lose their service, too.

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

use crate::audit::AuditTrail;
use crate::clock::Clock;
use crate::grpc::SERVICE_NAME;
use crate::identity::Authenticator;
use crate::policy::{BucketName, Operation};
use crate::telemetry::{PartSource, PartStatus};
use access_broker_s3::presign::SignerStatus;

/// How often the parts are asked while the server does not serve.
const POLL_UNTIL_READY: Duration = Duration::from_millis(20);

/// How often the parts are asked while it does.
const POLL_WHEN_READY: Duration = Duration::from_secs(1);

/// Something that calls need. The policy is none of the parts: the server does not start without, and keeps the last
/// good one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The keys of an issuer.
    IssuerKeys(Arc<str>),
    /// The credentials that sign for a bucket.
    SigningCredentials(BucketName),
    /// The credentials that sign uploads to a bucket, where they are others.
    UploadCredentials(BucketName),
    /// The output of audit records.
    AuditTrail,
}

impl Part {
    /// The kind, as metrics call it.
    const fn kind(&self) -> &'static str {
        match self {
            Self::IssuerKeys(_) => "issuer_keys",
            Self::SigningCredentials(_) => "signing_credentials",
            Self::UploadCredentials(_) => "upload_credentials",
            Self::AuditTrail => "audit_trail",
        }
    }

    /// The issuer or bucket.
    fn name(&self) -> &str {
        match self {
            Self::IssuerKeys(issuer) => issuer,
            Self::SigningCredentials(bucket) | Self::UploadCredentials(bucket) => bucket.as_str(),
            Self::AuditTrail => "",
        }
    }

    const fn bucket(&self) -> Option<&BucketName> {
        match self {
            Self::SigningCredentials(bucket) | Self::UploadCredentials(bucket) => Some(bucket),
            Self::IssuerKeys(_) | Self::AuditTrail => None,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IssuerKeys(issuer) => write!(f, "keys of issuer {issuer}"),
            Self::SigningCredentials(bucket) => write!(f, "signing credentials of bucket {bucket}"),
            Self::UploadCredentials(bucket) => write!(f, "upload credentials of bucket {bucket}"),
            Self::AuditTrail => f.write_str("audit records"),
        }
    }
}

/// A part as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    part: Part,
    available: bool,
    required: bool,
}

/// What the configuration says of readiness.
#[derive(Debug, Clone, Default)]
pub(super) struct Demands {
    /// The issuers without whose keys the server does not serve.
    pub(super) issuers: BTreeSet<String>,
    /// The buckets without whose credentials the server does not serve.
    pub(super) buckets: BTreeSet<BucketName>,
    /// Whether a listener takes callers without a token: their proof needs no keys of an issuer.
    pub(super) proves_without_tokens: bool,
    /// How long a start waits for all parts.
    pub(super) startup_wait: Duration,
}

/// How the server stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It has just started, and waits for these parts.
    Starting(Vec<Part>),
    /// It serves, without these parts.
    Serving(Vec<Part>),
    /// It does not serve, because too much is missing: these parts.
    NotServing(Vec<Part>),
    /// It is about to stop.
    Stopping,
}

impl Standing {
    /// Whether health says SERVING.
    #[must_use]
    pub const fn is_serving(&self) -> bool {
        matches!(self, Self::Serving(_))
    }

    /// The parts that are missing.
    #[must_use]
    pub fn missing(&self) -> &[Part] {
        match self {
            Self::Starting(parts) | Self::Serving(parts) | Self::NotServing(parts) => parts,
            Self::Stopping => &[],
        }
    }
}

/// One line, for people.
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serving(parts) if parts.is_empty() => f.write_str("serving"),
            Self::Serving(parts) => write!(f, "serving without {}", first_names(parts)),
            Self::Starting(parts) if parts.is_empty() => f.write_str("starting"),
            Self::Starting(parts) => write!(f, "starting: waiting for {}", first_names(parts)),
            Self::NotServing(parts) => write!(f, "not serving: without {}", first_names(parts)),
            Self::Stopping => f.write_str("stopping"),
        }
    }
}

/// How many parts a line for people names; the log names all of them.
const NAMED: usize = 3;

fn first_names(parts: &[Part]) -> String {
    match parts.split_at_checked(NAMED) {
        Some((first, more)) if !more.is_empty() => format!("{} and {} more", names(first), more.len()),
        _ => names(parts),
    }
}

fn names(parts: &[Part]) -> String {
    let names: Vec<String> = parts.iter().map(Part::to_string).collect();
    names.join(", ")
}

/// The parts that readiness asks.
pub(super) struct Parts {
    pub(super) authenticator: Arc<Authenticator>,
    pub(super) signers: Vec<Arc<dyn SignerStatus>>,
    pub(super) audit: AuditTrail,
    pub(super) clock: Arc<dyn Clock>,
}

/// Asks the parts what is missing. Clones share everything.
#[derive(Clone)]
pub struct Readiness(Arc<Shared>);

struct Shared {
    parts: Parts,
    demands: Demands,
    started: Instant,
    /// Whether health has said SERVING once.
    has_served: AtomicBool,
    draining: CancellationToken,
    /// What health says at the moment, and why.
    reported: watch::Sender<Standing>,
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").field("standing", &self.standing()).finish_non_exhaustive()
    }
}

impl Readiness {
    pub(super) fn new(parts: Parts, demands: Demands) -> Self {
        Self(Arc::new(Shared {
            parts,
            demands,
            started: Instant::now(),
            has_served: AtomicBool::new(false),
            draining: CancellationToken::new(),
            reported: watch::Sender::new(Standing::Starting(Vec::new())),
        }))
    }

    /// How the server stands now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let Shared { demands, started, has_served, draining, .. } = &*self.0;
        if draining.is_cancelled() {
            return Standing::Stopping;
        }
        let start_is_over = has_served.load(Ordering::Relaxed) || started.elapsed() >= demands.startup_wait;
        standing_of(self.0.find(), start_is_over, demands.proves_without_tokens)
    }

    /// Follows what health says.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Standing> {
        self.0.reported.subscribe()
    }

    /// Returns once health says SERVING.
    pub async fn ready(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let mut reported = self.subscribe();
        let _now = reported.wait_for(Standing::is_serving).await;
    }

    /// Turns health to NOT_SERVING for good, and returns once it says so.
    pub(super) async fn drain(&self) {
        self.0.draining.cancel();
        let mut reported = self.subscribe();
        // Bounded, in case that nobody watches any more.
        let told = reported.wait_for(|standing| *standing == Standing::Stopping);
        let _in_time = time::timeout(2 * POLL_WHEN_READY, told).await;
    }

    /// Keeps health true to what is missing. Never returns.
    pub(super) async fn watch(self, health: HealthReporter) {
        let mut last: Option<Standing> = None;
        loop {
            let standing = self.standing();
            let serves = standing.is_serving();
            if last.as_ref() != Some(&standing) {
                publish(&health, serves).await;
                self.0.has_served.fetch_or(serves, Ordering::Relaxed);
                self.log(&standing);
                self.0.reported.send_replace(standing.clone());
                last = Some(standing);
            }
            self.pause(serves).await;
        }
    }

    fn log(&self, standing: &Standing) {
        let missing = names(standing.missing());
        match standing {
            Standing::Serving(parts) if parts.is_empty() => tracing::info!("serving"),
            Standing::Serving(_) => tracing::warn!(missing, "serving, but not every call can be answered"),
            Standing::Starting(_) => {
                let wait = humantime::format_duration(self.0.demands.startup_wait);
                tracing::info!(missing, startup_wait = %wait, "not serving yet: waiting for all parts");
            }
            Standing::NotServing(_) => tracing::warn!(missing, "not serving"),
            Standing::Stopping => tracing::info!("no longer serving: the server is stopping"),
        }
    }

    /// Waits until it is worth asking again.
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
        let Parts { authenticator, signers, audit, clock } = &self.parts;
        let Demands { issuers, buckets, .. } = &self.demands;
        let keys = authenticator.key_status().into_iter().map(|(issuer, status)| {
            let required = issuers.contains(&*issuer);
            Found { part: Part::IssuerKeys(issuer), available: status.usable, required }
        });
        let credentials = signing_parts(signers, clock.now()).into_iter().map(|(part, available)| {
            let required = part.bucket().is_some_and(|bucket| buckets.contains(bucket));
            Found { part, available, required }
        });
        let audit = audit.standing();
        let audit = audit.map(|standing| Found {
            part: Part::AuditTrail,
            available: standing.available,
            required: standing.required,
        });
        keys.chain(credentials).chain(audit).collect()
    }
}

/// The parts that sign, in their order. A bucket that several signers serve is available where all of them can sign.
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

/// How a server with these parts stands.
fn standing_of(found: Vec<Found>, start_is_over: bool, proves_without_tokens: bool) -> Standing {
    let has = |is_kind: fn(&Part) -> bool| found.iter().any(|found| found.available && is_kind(&found.part));
    let can_prove = proves_without_tokens || has(|part| matches!(part, Part::IssuerKeys(_)));
    let can_sign = has(|part| matches!(part, Part::SigningCredentials(_) | Part::UploadCredentials(_)));
    let has_required = found.iter().all(|found| found.available || !found.required);
    let missing: Vec<Part> = found.into_iter().filter(|found| !found.available).map(|found| found.part).collect();
    if missing.is_empty() || (start_is_over && can_prove && can_sign && has_required) {
        Standing::Serving(missing)
    } else if start_is_over {
        Standing::NotServing(missing)
    } else {
        Standing::Starting(missing)
    }
}

impl PartSource for Readiness {
    fn is_serving(&self) -> bool {
        self.0.reported.borrow().is_serving()
    }

    fn parts(&self) -> Vec<PartStatus> {
        let status = |Found { part, available, required }: Found| PartStatus {
            kind: part.kind(),
            name: part.name().into(),
            available,
            required,
        };
        self.0.find().into_iter().map(status).collect()
    }
}

/// Tells health for the server as a whole and for the service by its name.
pub(super) async fn publish(health: &HealthReporter, serving: bool) {
    let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    health.set_service_status("", status).await;
    health.set_service_status(SERVICE_NAME, status).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::second_signer::{HmacSigner, s3};

    const ISSUERS: [&str; 2] = ["https://a.example", "https://b.example"];

    /// Two issuers, two buckets, the first of which has upload credentials of its own, and an audit trail; of these the
    /// named ones are missing or required.
    fn found(missing: &[&str], required: &[&str]) -> Vec<Found> {
        let bucket = |name| BucketName::parse(name).unwrap();
        let parts = [
            Part::IssuerKeys(ISSUERS[0].into()),
            Part::IssuerKeys(ISSUERS[1].into()),
            Part::SigningCredentials(bucket("one")),
            Part::SigningCredentials(bucket("two")),
            Part::UploadCredentials(bucket("one")),
            Part::AuditTrail,
        ];
        let is_in = |names: &[&str], part: &Part| names.iter().any(|name| part.to_string().contains(name));
        parts.map(|part| Found { available: !is_in(missing, &part), required: is_in(required, &part), part }).to_vec()
    }

    const KEYS: &str = "keys of issuer";
    const A: &str = "a.example";
    const SIGNING: &str = "signing credentials";
    const UPLOADS: &str = "upload credentials";
    const AUDIT: &str = "audit records";

    #[test]
    fn start_waits_for_every_part() {
        for part in [A, "bucket two", UPLOADS, AUDIT] {
            let standing = standing_of(found(&[part], &[]), false, true);
            assert!(matches!(&standing, Standing::Starting(missing) if missing.len() == 1), "{standing}");
        }
        assert_eq!(standing_of(found(&[], &[]), false, false), Standing::Serving(Vec::new()));
    }

    #[test]
    fn partial_loss_stays_partial() {
        for missing in [&[A][..], &["bucket two"], &["bucket one"], &[SIGNING], &[AUDIT], &[A, "bucket one", AUDIT]] {
            let standing = standing_of(found(missing, &[]), true, false);
            assert!(standing.is_serving() && !standing.missing().is_empty(), "{missing:?}: {standing}");
        }
    }

    #[test]
    fn without_any_proof_or_any_bucket_nothing_is_served() {
        assert!(!standing_of(found(&[KEYS], &[]), true, false).is_serving());
        assert!(standing_of(found(&[KEYS], &[]), true, true).is_serving(), "workloads prove themselves without keys");
        assert!(!standing_of(found(&[SIGNING, UPLOADS], &[]), true, true).is_serving());
        assert!(standing_of(found(&[SIGNING], &[]), true, true).is_serving(), "uploads can be signed");
    }

    #[test]
    fn required_part_that_is_lost_ends_the_service() {
        for part in [A, "bucket two", UPLOADS, AUDIT] {
            let standing = standing_of(found(&[part], &[part]), true, false);
            assert!(matches!(standing, Standing::NotServing(_)), "{part}: {standing}");
            assert!(standing_of(found(&[], &[part]), true, false).is_serving());
        }
        assert!(standing_of(found(&["b.example"], &[A]), true, false).is_serving());
    }

    #[test]
    fn standing_is_said_in_one_line() {
        let say = |missing: &[&str], start_is_over| standing_of(found(missing, &[]), start_is_over, false).to_string();
        assert_eq!(say(&[], true), "serving");
        assert_eq!(say(&[A], false), "starting: waiting for keys of issuer https://a.example");
        assert_eq!(say(&[A], true), "serving without keys of issuer https://a.example");
        assert_eq!(
            say(&[SIGNING, UPLOADS], true),
            "not serving: without signing credentials of bucket one, signing credentials of bucket two, upload credentials \
             of bucket one"
        );
        assert_eq!(
            say(&[KEYS, SIGNING, UPLOADS], true),
            "not serving: without keys of issuer https://a.example, keys of issuer https://b.example, signing credentials of \
             bucket one and 2 more"
        );
        assert_eq!(Standing::Stopping.to_string(), "stopping");
    }

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
