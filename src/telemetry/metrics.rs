//! Metrics, in the two text formats of scrapers.
//!
//! States belong to the parts of the server and are read at each scrape, so that the parts do not know about metrics.
//! Events are counted by [`CallMetrics`].

mod admin;
mod audit;
mod budgets;
mod call_metrics;
mod calls;
mod certificates;
mod connection_limit;
mod decisions;
mod format;
mod identity;
mod logs;
mod parts;
mod policy;
mod process;
mod quotas;
mod sampled;
mod samples;
mod server;
mod signing_credentials;
mod spans;

use std::fmt;
use std::sync::Arc;

use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub(crate) use call_metrics::CallMetrics;
pub(crate) use certificates::{CertificateStatus, ListenerCertificate};
pub(crate) use connection_limit::ConnectionLimit;
pub use format::MetricsFormat;
pub(crate) use parts::{PartStatus, ReadinessStatus};
pub(crate) use sampled::Sampled;

use admin::AdminCollector;
use audit::AuditCollector;
use budgets::BudgetCollector;
use certificates::CertificateCollector;
use connection_limit::ConnectionLimitCollector;
use identity::IdentityCollector;
use logs::LogCollector;
use parts::PartCollector;
use policy::PolicyCollector;
use process::ProcessCollector;
use quotas::QuotaCollector;
use server::ServerCollector;
use signing_credentials::SigningCredentialsCollector;
use spans::SpanCollector;

use super::admin_counters::AdminCounters;
use super::logs::LogCounts;
use super::server_counters::ServerCounters;
use super::traces::SpanCounts;
use crate::admission::Budgets;
use crate::audit::AuditStatus;
use crate::calls::RejectedLines;
use crate::policy_store::PolicyStore;
use crate::quota::Quotas;
use access_broker_identity::Authenticator;
use access_broker_s3::presign::SignerStatus;

/// The prefix of this program's own metrics. Those of calls have the names that gRPC servers share.
const PREFIX: &str = "access_broker";

/// The sources of metrics. The default has no parts, and all metrics that have samples without them.
#[derive(Debug, Clone, Default)]
pub struct MetricSources {
    /// Counts of calls.
    pub(crate) calls: Arc<CallMetrics>,
    pub(crate) spans: Arc<SpanCounts>,
    /// Connections, and calls that the server ended.
    pub server: Arc<ServerCounters>,
    /// The budgets that calls share.
    pub(crate) budgets: Option<Budgets>,
    /// Lost log lines.
    pub log: Arc<LogCounts>,
    /// Access lines of rejected proofs.
    pub(crate) rejected_lines: Arc<RejectedLines>,
    /// Connections of the admin port.
    pub(crate) admin: Arc<AdminCounters>,
    /// The limit of connections, if a server runs.
    pub(crate) connection_limit: Option<ConnectionLimit>,
    /// The readiness of the server, if one runs.
    pub(crate) parts: Option<Sampled<ReadinessStatus>>,
    /// Audit records, if there are any.
    pub audit: Option<Arc<AuditStatus>>,
    /// `None` outside a server.
    pub quotas: Option<Arc<Quotas>>,
    /// Issuers' signing keys and the token cache.
    pub authenticator: Option<Arc<Authenticator>>,
    /// The active policy.
    pub policy: Option<Arc<PolicyStore>>,
    /// The signers. No two may have credentials of the same name.
    pub signers: Vec<Arc<dyn SignerStatus>>,
    /// The certificates of listeners with TLS. No two may have the same listener.
    pub(crate) certificates: Vec<ListenerCertificate>,
}

/// Every metric of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// Registers the metrics of this program and these sources.
    #[must_use]
    pub fn new(sources: MetricSources) -> Self {
        let MetricSources {
            calls,
            spans,
            server,
            budgets,
            log,
            rejected_lines,
            admin,
            connection_limit,
            parts,
            audit,
            quotas,
            authenticator,
            policy,
            signers,
            certificates,
        } = sources;
        let mut registry = Registry::default();
        calls.register(&mut registry, PREFIX);
        registry.register_collector(Box::new(ProcessCollector::default()));
        let own = registry.sub_registry_with_prefix(PREFIX);
        own.register(
            "build",
            "Version of the running program, as the label `version`. Always 1",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        own.register_collector(Box::new(ServerCollector(server)));
        own.register_collector(Box::new(BudgetCollector(budgets)));
        own.register_collector(Box::new(LogCollector { log, rejected: rejected_lines }));
        own.register_collector(Box::new(ConnectionLimitCollector(connection_limit)));
        own.register_collector(Box::new(AdminCollector(admin)));
        own.register_collector(Box::new(PartCollector(parts)));
        own.register_collector(Box::new(AuditCollector(audit)));
        own.register_collector(Box::new(QuotaCollector(quotas)));
        own.register_collector(Box::new(IdentityCollector(authenticator)));
        own.register_collector(Box::new(PolicyCollector(policy)));
        own.register_collector(Box::new(SigningCredentialsCollector(signers)));
        own.register_collector(Box::new(CertificateCollector(certificates)));
        own.register_collector(Box::new(SpanCollector(spans)));
        Self { registry }
    }

    /// The current metrics, in this format.
    ///
    /// # Errors
    ///
    /// Never in practice: writing to a string does not fail.
    pub fn text(&self, format: MetricsFormat) -> Result<String, fmt::Error> {
        format.encode(&self.registry)
    }
}
