//! Builds the parts from the configuration.

mod audit;
mod buckets;

use std::sync::Arc;

use anyhow::Context;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use buckets::Buckets;

use super::signing_credentials::SigningCredentials;
use super::{Readiness, Surroundings};
use crate::audit::AuditTrail;
use crate::broker::{Broker, Counterparts};
use crate::config::{AttributionSettings, Config};
use crate::grpc::{AccessLogLayer, AuthenticationLayer, BrokerService};
use crate::identity::{Authenticator, IssuerVerifier, Pseudonyms};
use crate::policy::{BucketName, Policy, PolicyStore};
use crate::presign::SigV4Presigner;
use crate::quota::Quotas;
use crate::storage::S3Inspector;
use crate::telemetry::{
    CallMetrics, ListenerCertificate, MetricSources, Metrics, ObservedInspector, ObservedPresigner, ServerCounters,
    Traces,
};

/// The largest file with a key for pseudonyms, in bytes. A key over 64 bytes is hashed first (RFC 2104).
const MAX_KEY_BYTES: usize = 4_096;

/// The parts of a server.
pub(super) struct Parts {
    pub(super) policy: Arc<PolicyStore>,
    /// What the policy in force was compiled from.
    pub(super) policy_text: String,
    pub(super) readiness: Readiness,
    pub(super) audit: AuditTrail,
    broker: Broker,
    authenticator: Arc<Authenticator>,
    verifiers: Vec<Arc<IssuerVerifier>>,
    credentials: Vec<SigningCredentials>,
    quotas: Arc<Quotas>,
    call_metrics: Arc<CallMetrics>,
    traces: Traces,
}

/// Builds every part, or tells why one cannot be.
pub(super) async fn assemble(config: &Config, surroundings: &Surroundings) -> anyhow::Result<Parts> {
    let (policy, policy_text) = config.read_policy().context("the policy is not valid")?;
    tracing::info!(file = %config.policy.file.display(), tiers = policy.outline().len(), "policy in force");
    let mut verifiers = Vec::new();
    for settings in &config.issuers {
        let verifier = IssuerVerifier::new(settings.clone())
            .with_context(|| format!("issuer {} cannot be set up", settings.issuer))?;
        verifiers.push(Arc::new(verifier));
    }
    let authenticator = Arc::new(Authenticator::new(verifiers.clone(), config.server.token_cache_size)?);
    let mut buckets = Buckets::default();
    for bucket in &config.buckets {
        buckets.add(bucket, config, &policy, surroundings).await?;
    }
    let policy = Arc::new(PolicyStore::new(policy));
    let presigner = Arc::new(SigV4Presigner::new(buckets.signers));
    let clock = Arc::clone(&surroundings.clock);
    let inspector = S3Inspector::new(buckets.accesses, Arc::clone(&clock), config.server.s3_timeout);
    let readiness = Readiness::new(Arc::clone(&authenticator), Arc::clone(&presigner), clock);
    let (call_metrics, traces) = (Arc::new(CallMetrics::default()), surroundings.traces.clone());
    let quotas = Arc::new(Quotas::new(config.quota));
    let broker = Broker::new(Counterparts {
        policy: Arc::clone(&policy),
        presigner: Arc::new(ObservedPresigner::new(presigner, &call_metrics, traces.tracer())),
        inspector: Arc::new(ObservedInspector::new(Arc::new(inspector), &call_metrics, traces.tracer())),
        decision_ids: Arc::clone(&surroundings.decision_ids),
        pseudonyms: Arc::new(pseudonyms(&config.attribution).await?),
        quotas: Arc::clone(&quotas),
    });
    Ok(Parts {
        policy,
        policy_text,
        readiness,
        audit: audit::trail(&config.audit)?,
        broker,
        authenticator,
        verifiers,
        credentials: buckets.credentials.into_iter().map(|(_, credentials)| credentials).collect(),
        quotas,
        call_metrics,
        traces,
    })
}

impl Parts {
    /// Starts what keeps keys and credentials fresh.
    pub(super) fn spawn_refreshes(&self, tasks: &mut JoinSet<()>) {
        for verifier in &self.verifiers {
            let keys = Arc::clone(verifier.keys());
            tasks.spawn(async move { keys.keep_fresh().await });
        }
        for credentials in &self.credentials {
            tasks.spawn(Arc::clone(&credentials.cache).keep_fresh());
        }
    }

    /// What a policy changes, beside decisions, when it is put in force.
    pub(super) fn policy_follower(&self) -> impl Fn(&Policy) + Send + use<> {
        let credentials = self.credentials.clone();
        move |policy| credentials.iter().for_each(|credentials| credentials.follow(policy))
    }

    pub(super) fn metrics(&self, certificates: Vec<ListenerCertificate>, server: &Arc<ServerCounters>) -> Metrics {
        Metrics::new(MetricSources {
            calls: Arc::clone(&self.call_metrics),
            spans: Arc::clone(self.traces.counts()),
            server: Arc::clone(server),
            audit: self.audit.status().cloned(),
            quotas: Some(Arc::clone(&self.quotas)),
            authenticator: Some(Arc::clone(&self.authenticator)),
            policy: Some(Arc::clone(&self.policy)),
            credentials: self.credentials.iter().map(SigningCredentials::named).collect(),
            certificates,
        })
    }

    pub(super) fn access_log_layer(&self) -> AccessLogLayer {
        AccessLogLayer::new(Arc::clone(&self.call_metrics) as _, self.traces.tracer())
    }

    pub(super) fn authentication_layer(&self, surroundings: &Surroundings) -> AuthenticationLayer {
        AuthenticationLayer::new(Arc::clone(&self.authenticator), Arc::clone(&surroundings.clock))
    }

    pub(super) fn broker_service(&self, sole_bucket: Option<BucketName>) -> BrokerService {
        BrokerService::new(self.broker.clone(), sole_bucket, self.audit.clone())
    }
}

/// What makes pseudonyms of callers: a key that several brokers share, or one of its own.
async fn pseudonyms(settings: &AttributionSettings) -> anyhow::Result<Pseudonyms> {
    let Some(path) = &settings.caller_key_file else {
        return Ok(Pseudonyms::with_random_key()?);
    };
    let unusable = || format!("attribution.caller_key_file {} cannot be used", path.display());
    let file = tokio::fs::File::open(path).await.with_context(unusable)?;
    let mut key = Zeroizing::new(Vec::with_capacity(MAX_KEY_BYTES + 1));
    file.take(MAX_KEY_BYTES as u64 + 1).read_to_end(&mut key).await.with_context(unusable)?;
    anyhow::ensure!(key.len() <= MAX_KEY_BYTES, "{}: it is larger than 4 KiB", unusable());
    Pseudonyms::with_key(&key).with_context(unusable)
}
