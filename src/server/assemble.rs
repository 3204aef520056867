//! Builds the parts from the configuration.

mod audit;
mod buckets;
mod key_proxy;

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use tokio::task::{self, JoinSet};

use buckets::Buckets;

use super::readiness::{Demands, Readiness};
use super::signing_credentials::SigningCredentials;
use super::{Surroundings, readiness};
use crate::admission::Budgets;
use crate::audit::AuditTrail;
use crate::broker::{Broker, Counterparts};
use crate::config::Config;
use crate::files::at_start;
use crate::grpc::{AccessLogLayer, AuthenticationLayer, BrokerService, CallCounters, RejectedLines};
use crate::identity::{Authenticator, IssuerVerifier, KeyRing, Pseudonyms};
use crate::policy::{BucketName, CompiledPolicy, Policy};
use crate::policy_store::PolicyStore;
use crate::presign::SigV4Presigner;
use crate::presign::credentials::CredentialsCache;
use crate::quota::Quotas;
use crate::telemetry::{
    AdminCounters, CallMetrics, ConnectionLimit, ListenerCertificate, LogCounts, MetricSources, Metrics,
    ObservedInspector, ObservedPresigner, ServerCounters, Traces,
};
use access_broker_s3::S3Inspector;

/// The largest file with a key for pseudonyms, in bytes. A key over 64 bytes is hashed first (RFC 2104).
const MAX_KEY_BYTES: usize = 4_096;

/// The parts of a server.
pub(super) struct Parts {
    pub(super) policy: Arc<PolicyStore>,
    pub(super) readiness: Readiness,
    pub(super) audit: AuditTrail,
    broker: Broker,
    authenticator: Arc<Authenticator>,
    verifiers: Vec<Arc<IssuerVerifier>>,
    credentials: Vec<SigningCredentials>,
    quotas: Arc<Quotas>,
    call_metrics: Arc<CallMetrics>,
    traces: Traces,
    log: Arc<LogCounts>,
    rejected_lines: Arc<RejectedLines>,
}

/// Builds every part, or tells why one cannot be.
pub(super) async fn assemble(
    config: &Config,
    compiled: CompiledPolicy,
    surroundings: &Surroundings,
) -> anyhow::Result<Parts> {
    let CompiledPolicy { policy, warnings } = compiled;
    super::warnings::log("configuration", &config.warnings);
    super::warnings::log("policy", &warnings);
    tracing::info!(file = %config.policy.file.display(), tiers = policy.outline().len(), "policy in force");
    let proxy = key_proxy::of_environment(&surroundings.environment);
    let mut verifiers = Vec::new();
    for settings in &config.issuers {
        let mut of_issuer = settings.clone();
        of_issuer.key_proxy = of_issuer.key_proxy.resolved(proxy.as_ref());
        key_proxy::log(&of_issuer);
        // It reads certificate authorities and a token from files.
        let verifier = task::spawn_blocking(move || IssuerVerifier::new(of_issuer)).await;
        let verifier = verifier.context("the reading was cut off").and_then(|verifier| Ok(verifier?));
        let verifier = verifier.with_context(|| format!("issuer {} cannot be set up", settings.issuer))?;
        verifiers.push(Arc::new(verifier));
    }
    let authenticator = Arc::new(Authenticator::new(verifiers.clone(), config.server.token_cache_size)?);
    let mut buckets = Buckets::default();
    for bucket in &config.buckets {
        buckets.add(bucket, config, &policy, surroundings).await?;
    }
    buckets.refuse_uploads_by_readers()?;
    let policy = Arc::new(PolicyStore::new(policy));
    let presigner = Arc::new(SigV4Presigner::new(buckets.signers));
    let clock = Arc::clone(&surroundings.clock);
    let inspector = S3Inspector::new(buckets.accesses, Arc::clone(&clock), config.server.s3_timeout);
    let audit = audit::trail(&config.audit)?;
    let asked = readiness::Parts {
        authenticator: Arc::clone(&authenticator),
        presigner: Arc::clone(&presigner),
        audit: audit.clone(),
        clock,
    };
    let readiness = Readiness::new(asked, demands(config));
    let (call_metrics, traces) = (Arc::new(CallMetrics::default()), surroundings.traces.clone());
    let quotas = Arc::new(Quotas::new(config.quota));
    let broker = Broker::new(Counterparts {
        policy: Arc::clone(&policy),
        presigner: Arc::new(ObservedPresigner::new(presigner, &call_metrics, traces.tracer())),
        inspector: Arc::new(ObservedInspector::new(Arc::new(inspector), &call_metrics, traces.tracer())),
        decision_ids: Arc::clone(&surroundings.decision_ids),
        pseudonyms: Arc::new(pseudonyms(config).await?),
        quotas: Arc::clone(&quotas),
    });
    Ok(Parts {
        policy,
        readiness,
        audit,
        broker,
        authenticator,
        verifiers,
        credentials: buckets.credentials.into_iter().map(|(_, credentials)| credentials).collect(),
        quotas,
        call_metrics,
        traces,
        log: Arc::clone(&surroundings.log),
        rejected_lines: Arc::new(RejectedLines::new(config.access_log.rejected_per_second, Instant::now())),
    })
}

impl Parts {
    /// Starts what keeps keys and credentials fresh, and what finds out that records can be kept again.
    pub(super) fn spawn_refreshes(&self, tasks: &mut JoinSet<()>) {
        for verifier in &self.verifiers {
            let keys = Arc::clone(verifier.keys());
            tasks.spawn(async move { keys.keep_fresh().await });
        }
        for credentials in &self.credentials {
            tasks.spawn(Arc::clone(&credentials.cache).keep_fresh());
        }
        tasks.spawn(self.audit.clone().watch());
    }

    pub(super) fn key_rings(&self) -> Vec<Arc<KeyRing>> {
        self.verifiers.iter().map(|verifier| Arc::clone(verifier.keys())).collect()
    }

    pub(super) fn credential_caches(&self) -> Vec<Arc<CredentialsCache>> {
        self.credentials.iter().map(|credentials| Arc::clone(&credentials.cache)).collect()
    }

    /// What a policy changes, beside decisions, when it is put in force.
    pub(super) fn policy_follower(&self) -> impl Fn(&Policy) + Send + Sync + use<> {
        let credentials = self.credentials.clone();
        move |policy| credentials.iter().for_each(|credentials| credentials.follow(policy))
    }

    pub(super) fn metrics(
        &self,
        certificates: Vec<ListenerCertificate>,
        server: &Arc<ServerCounters>,
        budgets: &Budgets,
        admin: &Arc<AdminCounters>,
        connection_limit: ConnectionLimit,
    ) -> Metrics {
        Metrics::new(MetricSources {
            budgets: Some(budgets.clone()),
            calls: Arc::clone(&self.call_metrics),
            spans: Arc::clone(self.traces.counts()),
            server: Arc::clone(server),
            log: Arc::clone(&self.log),
            rejected_lines: Arc::clone(&self.rejected_lines),
            admin: Arc::clone(admin),
            connection_limit: Some(connection_limit),
            parts: Some(Arc::new(self.readiness.clone())),
            audit: self.audit.status().cloned(),
            quotas: Some(Arc::clone(&self.quotas)),
            authenticator: Some(Arc::clone(&self.authenticator)),
            policy: Some(Arc::clone(&self.policy)),
            credentials: self.credentials.iter().map(SigningCredentials::named).collect(),
            certificates,
        })
    }

    pub(super) fn access_log_layer(&self) -> AccessLogLayer {
        let (observer, rejected) = (Arc::clone(&self.call_metrics), Arc::clone(&self.rejected_lines));
        AccessLogLayer::new(observer, self.traces.tracer(), rejected)
    }

    pub(super) fn authentication_layer(
        &self,
        surroundings: &Surroundings,
        budgets: &Budgets,
        counters: &Arc<CallCounters>,
    ) -> AuthenticationLayer {
        let (authenticator, clock) = (Arc::clone(&self.authenticator), Arc::clone(&surroundings.clock));
        AuthenticationLayer::new(authenticator, clock, Arc::clone(&budgets.turns), Arc::clone(counters))
    }

    pub(super) fn broker_service(&self, sole_bucket: Option<BucketName>) -> BrokerService {
        BrokerService::new(self.broker.clone(), sole_bucket, self.audit.clone())
    }
}

/// What the configuration says of readiness.
fn demands(config: &Config) -> Demands {
    let required = config.buckets.iter().filter(|bucket| bucket.required);
    Demands {
        issuers: config.required_issuers.clone(),
        buckets: required.map(|bucket| bucket.name.clone()).collect(),
        proves_without_tokens: config.listeners.iter().any(|listener| !listener.takes_tokens()),
        startup_wait: config.server.startup_wait,
    }
}

/// What makes pseudonyms of callers: a key that several brokers share, or one of its own.
async fn pseudonyms(config: &Config) -> anyhow::Result<Pseudonyms> {
    let Some(path) = config.attribution.caller_key_file.clone() else {
        return Ok(Pseudonyms::with_random_key()?);
    };
    let unusable = format!("attribution.caller_key_file {} cannot be used", path.display());
    let settle = config.policy.settle;
    let read = task::spawn_blocking(move || at_start::read_one(&path, MAX_KEY_BYTES, settle)).await;
    let key = read.context("the reading was cut off").and_then(|read| Ok(read?)).context(unusable.clone())?;
    Pseudonyms::with_key(&key.content).context(unusable)
}
