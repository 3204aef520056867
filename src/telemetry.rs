//! Logs, metrics and traces of the process.

mod admin_counters;
mod http2_errors;
mod logs;
mod metrics;
mod observed_inspector;
mod observed_presigner;
mod server_counters;
mod traces;

pub(crate) use admin_counters::AdminCounters;
pub(crate) use http2_errors::EndingFrame;
pub use logs::{LogCounts, LogFormat, LogSettings, subscriber};
pub(crate) use logs::{LogHandle, LossCause, start_logging};
pub(crate) use metrics::{
    CallMetrics, CertificateStatus, ConnectionLimit, ListenerCertificate, PartStatus, ReadinessStatus, Sampled,
};
pub use metrics::{MetricSources, Metrics, MetricsFormat};
pub(crate) use observed_inspector::ObservedInspector;
pub(crate) use observed_presigner::ObservedPresigner;
pub use server_counters::ServerCounters;
pub use traces::{Traces, TracesError};
