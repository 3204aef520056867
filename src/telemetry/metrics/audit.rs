//! Metrics of audit records.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::samples::{NO_LABELS, as_gauge, encode_counters, encode_gauge};
use crate::audit::{AuditFailure, AuditStatus};

/// Reads the status at each scrape. Without an audit trail, everything is zero.
#[derive(Debug)]
pub(super) struct AuditCollector(pub(super) Option<Arc<AuditStatus>>);

impl Collector for AuditCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = self.0.as_deref();
        let count = |read: fn(&AuditStatus) -> u64| [(NO_LABELS, status.map_or(0, read))];
        encode_counters(&mut encoder, "audit_records", "Audit records written.", count(AuditStatus::records))?;
        encode_counters(
            &mut encoder,
            "audit_bytes",
            "Size of the audit records written, in bytes.",
            count(AuditStatus::bytes),
        )?;
        let groups = count(AuditStatus::groups);
        encode_counters(
            &mut encoder,
            "audit_groups",
            "Groups of audit records, each written and synced together.",
            groups,
        )?;
        let failures = AuditFailure::ALL
            .map(|cause| ([("cause", cause.name())], status.map_or(0, |status| status.failures(cause))));
        encode_counters(
            &mut encoder,
            "audit_failures",
            "Audit records whose writing failed or timed out, by cause.",
            failures,
        )?;
        let waiting = as_gauge(status.map_or(0, AuditStatus::queue_length));
        encode_gauge(&mut encoder, "audit_queue_length", "Audit records waiting to be written.", None, Some(waiting))?;
        let last_sync = status.and_then(AuditStatus::last_sync).as_ref().map(Duration::as_secs_f64);
        let help = "Duration of the last sync of the audit file to the disk.";
        encode_gauge(&mut encoder, "audit_last_sync", help, Some(&Unit::Seconds), last_sync)
    }
}
