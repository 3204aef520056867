//! Metrics of the export of spans.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::samples::encode_counters;
use crate::telemetry::traces::SpanCounts;

/// Reads the counts at each scrape.
#[derive(Debug)]
pub(super) struct SpanCollector(pub(super) Arc<SpanCounts>);

impl Collector for SpanCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.0.read().map(|(result, count)| ([("result", result)], count));
        encode_counters(
            &mut encoder,
            "spans",
            "Finished spans, by result: exported, failed (the collector did not accept them) or dropped (the queue was full).",
            counts,
        )
    }
}
