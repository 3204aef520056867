//! Metrics of the admin port.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::samples::{as_gauge, encode_counters, encode_gauge};
use crate::telemetry::AdminCounters;

/// Reads the counters at each scrape.
#[derive(Debug)]
pub(super) struct AdminCollector(pub(super) Arc<AdminCounters>);

impl Collector for AdminCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counters = &self.0;
        let connections = [
            ("accepted", &counters.accepted),
            ("refused", &counters.refused),
            ("timed_out", &counters.timed_out),
            ("displaced", &counters.displaced),
            ("accept_failed", &counters.accept_errors),
        ]
        .map(|(event, count)| ([("event", event)], count.get()));
        let help = "Connections on the admin port, by event: accepted, refused, timed_out, displaced or accept_failed.";
        encode_counters(&mut encoder, "admin_connections", help, connections)?;
        let open = Some(as_gauge(counters.open()));
        encode_gauge(&mut encoder, "admin_connections_open", "Open connections on the admin port.", None, open)
    }
}
