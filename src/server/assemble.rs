//! Builds the components from the configuration.

mod key_proxy;

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use tokio::task::{self, JoinSet};

use super::lifecycle::readiness::{Readiness, ReadinessSettings};
use super::lifecycle::{readiness, warnings};
use super::start_options::StartOptions;
use crate::admission::Budgets;
use crate::audit::{AuditFile, AuditTrail, GroupCommitSink};
use crate::broker::{Backends, Broker};
use crate::calls::{AccessLog, Authentication, CallCounters, CallSlots, MessageLimits, Pipeline, RejectedLines};
use crate::config::{AuditOutput, AuditSettings, BucketSettings, Config, LimitSettings};
use crate::contract::Operations;
use crate::policy_store::PolicyStore;
use crate::quota::Quotas;
use crate::telemetry::{
    AdminCounters, CallMetrics, ConnectionLimit, ListenerCertificate, LogCounts, MetricSources, Metrics,
    ObservedInspector, ObservedPresigner, Sampled, ServerCounters, Traces,
};
use access_broker_base::files::at_start;
use access_broker_identity::{Authenticator, IssuerVerifier, KeyRing, Pseudonyms};
use access_broker_policy::{BucketName, CompiledPolicy, Policy};
use access_broker_s3::presign::{SignerStatus, SignerTable, SignerUpkeep};
use access_broker_s3::{RequiredHeaders, S3Bucket, S3Buckets, S3BucketsError, S3Options};

/// The maximum size of a key file for pseudonyms, in bytes. A key over 64 bytes is hashed first (RFC 2104).
const MAX_KEY_BYTES: usize = 4_096;

/// What answers calls, and its parts.
pub(super) struct Components {
    pub(super) policy: Arc<PolicyStore>,
    pub(super) readiness: Readiness,
    pub(super) audit: AuditTrail,
    broker: Broker,
    authenticator: Arc<Authenticator>,
    verifiers: Vec<Arc<IssuerVerifier>>,
    signers: Vec<Arc<dyn SignerUpkeep>>,
    quotas: Arc<Quotas>,
    call_metrics: Arc<CallMetrics>,
    traces: Traces,
    log: Arc<LogCounts>,
    rejected_lines: Arc<RejectedLines>,
}

/// Builds every component.
pub(super) async fn assemble(
    config: &Config,
    compiled: CompiledPolicy,
    options: &StartOptions,
) -> anyhow::Result<Components> {
    let CompiledPolicy { policy, warnings: policy_warnings } = compiled;
    warnings::log("configuration", &config.warnings);
    warnings::log("policy", &policy_warnings);
    let (file, tiers, hash) = (config.policy.file.display(), policy.outline().len(), policy.hash());
    let members_hash = policy.members().map(|outline| tracing::field::display(outline.hash));
    let members = policy.members().map(|outline| outline.members);
    tracing::info!(%file, tiers, %hash, members, members_hash, "policy active");
    let proxy = key_proxy::from_environment(&options.environment);
    let mut verifiers = Vec::new();
    for settings in &config.issuers {
        let mut issuer = settings.clone();
        issuer.key_proxy = issuer.key_proxy.resolved(proxy.as_ref());
        key_proxy::log(&issuer);
        // It reads certificate authorities and a token from files.
        let verifier = task::spawn_blocking(move || IssuerVerifier::new(issuer)).await;
        let verifier = verifier.context("reading failed").and_then(|verifier| Ok(verifier?));
        let verifier = verifier.with_context(|| format!("setting up issuer {} failed", settings.issuer))?;
        verifiers.push(Arc::new(verifier));
    }
    let authenticator = Authenticator::new(verifiers.clone(), config.server.token_cache_size)?
        .with_max_token_bytes(config.limits.max_metadata_size as usize);
    let authenticator = Arc::new(authenticator);
    let s3 = Arc::new(s3_buckets(config, &policy, options).await?);
    let presigner = Arc::new(SignerTable::new(s3.presigner()));
    let inspector = s3.inspector();
    // Another kind of signer is added in the table, and here.
    let signers: Vec<Arc<dyn SignerUpkeep>> = vec![s3];
    let policy = Arc::new(PolicyStore::new(policy));
    let audit = audit_trail(&config.audit)?;
    let asked = readiness::CheckedParts {
        authenticator: Arc::clone(&authenticator),
        signers: statuses(&signers),
        audit: audit.clone(),
        clock: Arc::clone(&options.clock),
    };
    let readiness = Readiness::new(asked, readiness_settings(config));
    let (call_metrics, traces) = (Arc::new(CallMetrics::default()), options.traces.clone());
    let quotas = Arc::new(Quotas::new(config.quota));
    let broker = Broker::new(Backends {
        policy: Arc::clone(&policy),
        presigner: Arc::new(ObservedPresigner::new(presigner, &call_metrics, traces.tracer())),
        inspector: Arc::new(ObservedInspector::new(inspector, &call_metrics, traces.tracer())),
        decision_ids: options.decision_ids,
        pseudonyms: Arc::new(pseudonyms(config).await?),
        quotas: Arc::clone(&quotas),
    });
    Ok(Components {
        policy,
        readiness,
        audit,
        broker,
        authenticator,
        verifiers,
        signers,
        quotas,
        call_metrics,
        traces,
        log: Arc::clone(&options.log),
        rejected_lines: Arc::new(RejectedLines::new(config.access_log.rejected_per_second, Instant::now())),
    })
}

impl Components {
    /// Starts the tasks that refresh keys and credentials, and the one that tests the audit output.
    pub(super) fn spawn_refreshes(&self, tasks: &mut JoinSet<()>) {
        for verifier in &self.verifiers {
            let keys = Arc::clone(verifier.keys());
            tasks.spawn(async move { keys.keep_fresh().await });
        }
        for task in self.signers.iter().flat_map(|signer| signer.background_tasks()) {
            tasks.spawn(task);
        }
        tasks.spawn(self.audit.clone().watch());
    }

    pub(super) fn key_rings(&self) -> Vec<Arc<KeyRing>> {
        self.verifiers.iter().map(|verifier| Arc::clone(verifier.keys())).collect()
    }

    pub(super) fn signers(&self) -> Vec<Arc<dyn SignerUpkeep>> {
        self.signers.clone()
    }

    /// Applies a policy to the parts other than decisions, right before it becomes active.
    pub(super) fn policy_hook(&self) -> impl Fn(&Policy) + Send + Sync + use<> {
        let signers = self.signers.clone();
        move |policy| signers.iter().for_each(|signer| signer.follow(policy))
    }

    pub(super) fn metrics(
        &self,
        certificates: Vec<ListenerCertificate>,
        server: &Arc<ServerCounters>,
        budgets: &Budgets,
        admin: &Arc<AdminCounters>,
        connection_limit: ConnectionLimit,
    ) -> Metrics {
        let readiness = self.readiness.clone();
        Metrics::new(MetricSources {
            budgets: Some(budgets.clone()),
            calls: Arc::clone(&self.call_metrics),
            spans: Arc::clone(self.traces.counts()),
            server: Arc::clone(server),
            log: Arc::clone(&self.log),
            rejected_lines: Arc::clone(&self.rejected_lines),
            admin: Arc::clone(admin),
            connection_limit: Some(connection_limit),
            parts: Some(Sampled::new(move || readiness.status())),
            audit: self.audit.status().cloned(),
            quotas: Some(Arc::clone(&self.quotas)),
            authenticator: Some(Arc::clone(&self.authenticator)),
            policy: Some(Arc::clone(&self.policy)),
            signers: statuses(&self.signers),
            certificates,
        })
    }

    /// The steps of every call.
    pub(super) fn pipeline(
        &self,
        options: &StartOptions,
        budgets: &Budgets,
        limits: &LimitSettings,
        counters: &Arc<CallCounters>,
    ) -> Pipeline {
        let (observer, rejected) = (Arc::clone(&self.call_metrics), Arc::clone(&self.rejected_lines));
        let (authenticator, clock) = (Arc::clone(&self.authenticator), Arc::clone(&options.clock));
        Pipeline {
            access_log: AccessLog::new(observer, self.traces.tracer(), rejected),
            authentication: Authentication::new(authenticator, clock, Arc::clone(&budgets.turns)),
            places: CallSlots {
                places: Arc::clone(&budgets.places),
                message_memory: Arc::clone(&budgets.message_memory),
                message: MessageLimits { size: limits.max_message_size as usize, time: limits.message_timeout },
            },
            call_timeout: limits.call_timeout,
            counters: Arc::clone(counters),
        }
    }

    pub(super) fn operations(&self, sole_bucket: Option<BucketName>) -> Operations {
        Operations::new(self.broker.clone(), sole_bucket, self.audit.clone())
    }
}

fn statuses(signers: &[Arc<dyn SignerUpkeep>]) -> Vec<Arc<dyn SignerStatus>> {
    signers.iter().map(|signer| Arc::clone(signer) as _).collect()
}

/// Sets up every bucket, and reads the credentials that the configuration names.
async fn s3_buckets(config: &Config, policy: &Policy, options: &StartOptions) -> Result<S3Buckets, S3BucketsError> {
    let buckets: Vec<S3Bucket> = config.buckets.iter().map(s3_bucket).collect();
    let s3_options = S3Options {
        clock: Arc::clone(&options.clock),
        environment: Arc::clone(&options.environment),
        settle: config.policy.settle,
        inspection_timeout: config.server.s3_timeout,
    };
    S3Buckets::build(&buckets, policy, &s3_options).await
}

fn s3_bucket(settings: &BucketSettings) -> S3Bucket {
    S3Bucket {
        name: settings.name.clone(),
        endpoints: settings.endpoints.clone(),
        broker_endpoint: settings.broker_endpoint.clone(),
        required_headers: RequiredHeaders {
            expected_bucket_owner: settings.expected_bucket_owner.clone(),
            requester_pays: settings.requester_pays,
        },
        etag_form: settings.server.etag_form,
        attribution: settings.attribution,
        credentials: settings.credentials.clone(),
        upload_credentials: settings.upload_credentials.clone(),
    }
}

/// Opens the output, so that an unusable one fails the start and not the calls.
fn audit_trail(settings: &AuditSettings) -> anyhow::Result<AuditTrail> {
    let AuditSettings { output, key, on_failure, flush_timeout } = settings;
    let sink = match output {
        AuditOutput::None => {
            tracing::warn!("audit unavailable: audit.output is \"none\", so decisions are not recorded");
            return Ok(AuditTrail::none());
        }
        AuditOutput::Stdout => {
            GroupCommitSink::to_stdout(*flush_timeout).context("audit.output = \"stdout\" failed")?
        }
        AuditOutput::File(file) => AuditFile::open(file)
            .map_err(anyhow::Error::from)
            .and_then(|opened| Ok(GroupCommitSink::to_file(opened, *flush_timeout)?))
            .with_context(|| format!("opening audit.file {} failed", file.path.display()))?,
    };
    Ok(AuditTrail::new(Arc::new(sink), *key, *on_failure, *flush_timeout))
}

/// The readiness settings.
fn readiness_settings(config: &Config) -> ReadinessSettings {
    let required = config.buckets.iter().filter(|bucket| bucket.required);
    ReadinessSettings {
        issuers: config.required_issuers.clone(),
        buckets: required.map(|bucket| bucket.name.clone()).collect(),
        proves_without_tokens: config.listeners.iter().any(|listener| !listener.takes_tokens()),
        startup_wait: config.server.startup_wait,
    }
}

/// Makes pseudonyms of callers: with a key that several brokers share, or a random one.
async fn pseudonyms(config: &Config) -> anyhow::Result<Pseudonyms> {
    let Some(path) = config.attribution.caller_key_file.clone() else {
        return Ok(Pseudonyms::with_random_key()?);
    };
    let unusable = format!("attribution.caller_key_file {} is invalid", path.display());
    let settle = config.policy.settle;
    let read = task::spawn_blocking(move || at_start::read_one(&path, MAX_KEY_BYTES, settle)).await;
    let key = read.context("reading failed").and_then(|read| Ok(read?)).context(unusable.clone())?;
    Pseudonyms::with_key(&key.content).context(unusable)
}
