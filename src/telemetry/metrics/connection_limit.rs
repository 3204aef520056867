//! Metrics of the limit of connections.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::samples::encode_gauges;

/// The limit of callers' connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionLimit {
    /// `limits.max_connections`.
    pub(crate) configured: u32,
    /// What fits into the process's limit of open files.
    pub(crate) effective: u32,
}

/// Shows the limit, if a server runs.
#[derive(Debug)]
pub(super) struct ConnectionLimitCollector(pub(super) Option<ConnectionLimit>);

impl Collector for ConnectionLimitCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let limits = self.0.map(|ConnectionLimit { configured, effective }| {
            [("configured", configured), ("effective", effective)]
                .map(|(kind, limit)| ([("kind", kind)], f64::from(limit)))
        });
        let help = "Limit of connections, by kind: configured (limits.max_connections) or effective (lower if the limit of open files is too low).";
        encode_gauges(&mut encoder, "connections_limit", help, None, limits.into_iter().flatten())
    }
}
