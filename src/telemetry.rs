//! What the process tells of itself.

mod admin_counters;
mod http2_errors;
mod logs;
mod metrics;
mod observed_inspector;
mod observed_presigner;
mod server_counters;
mod traces;

pub use admin_counters::AdminCounters;
pub use http2_errors::{EndingFrame, Http2Errors};
pub use logs::{LogCounts, LogFormat, LogHandle, LogSettings, LossCause, start_logging, subscriber};
pub use metrics::{
    CallMetrics, CertificateStatus, ConnectionLimit, ListenerCertificate, MetricSources, Metrics, MetricsFormat,
    PartStatus, ReadinessStatus, Sampled,
};
pub use observed_inspector::ObservedInspector;
pub use observed_presigner::ObservedPresigner;
pub use server_counters::ServerCounters;
pub use traces::{SpanCounts, Traces, TracesError};
