//! Metrics of lines that are missing in the log.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::samples::{NO_LABELS, encode_counters};
use crate::calls::RejectedLines;
use crate::telemetry::{LogCounts, LossCause};

/// Reads the counts at each scrape.
#[derive(Debug)]
pub(super) struct LogCollector {
    pub(super) log: Arc<LogCounts>,
    pub(super) rejected: Arc<RejectedLines>,
}

impl Collector for LogCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let lost = LossCause::ALL.map(|cause| ([("cause", cause.name())], self.log.lost(cause)));
        encode_counters(
            &mut encoder,
            "log_lines_lost",
            "Log lines that were lost (queue_full, write_failed) or shortened (too_long), by cause.",
            lost,
        )?;
        let left_out = [(NO_LABELS, self.rejected.left_out())];
        let help = "Access lines left out because of log.rejected_per_second.";
        encode_counters(&mut encoder, "access_lines_left_out", help, left_out)
    }
}
