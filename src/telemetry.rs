//! What the process tells of itself.

mod logs;
mod metrics;

pub use logs::{LogFormat, LogSettings, start_logging, subscriber};
pub use metrics::{METRICS_CONTENT_TYPE, Metrics, NamedCredentials};
