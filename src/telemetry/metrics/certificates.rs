//! Metrics of listeners' certificates.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::sampled::Sampled;
use super::samples::{as_flag, encode_counters, encode_gauges, encode_timestamps};

/// The state of a listener's certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CertificateStatus {
    /// When the active set was read.
    pub(crate) loaded_at: SystemTime,
    /// How often a changed set became active; the one of the start does not count.
    pub(crate) good_reloads: u64,
    /// How many reads found no complete and valid set. Grows with every read for as long as that lasts.
    pub(crate) failed_reloads: u64,
    /// Whether the files, as last read, are the active ones.
    pub(crate) files_in_force: bool,
    /// The last second of the server certificate's validity.
    pub(crate) not_after: SystemTime,
}

#[derive(Debug, Clone)]
pub(crate) struct ListenerCertificate {
    /// The label `listener`: its address.
    pub(crate) listener: Arc<str>,
    /// The state of its certificates.
    pub(crate) status: Sampled<CertificateStatus>,
}

/// Reads the status of every listener at each scrape.
#[derive(Debug)]
pub(super) struct CertificateCollector(pub(super) Vec<ListenerCertificate>);

impl Collector for CertificateCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let statuses: Vec<_> = self.0.iter().map(|named| (&*named.listener, named.status.read())).collect();
        encode_timestamps(
            &mut encoder,
            "tls_certificate_expiry_timestamp",
            "Time when the active certificate of a listener expires, as Unix time.",
            statuses.iter().map(|(listener, status)| ([("listener", *listener)], Some(status.not_after))),
        )?;
        encode_timestamps(
            &mut encoder,
            "tls_certificate_loaded_timestamp",
            "Time when the active certificate of a listener was loaded, as Unix time.",
            statuses.iter().map(|(listener, status)| ([("listener", *listener)], Some(status.loaded_at))),
        )?;
        encode_gauges(
            &mut encoder,
            "tls_files_in_force",
            "1 if the TLS files of a listener, as last read, are the active ones, otherwise 0.",
            None,
            statuses.iter().map(|(listener, status)| ([("listener", *listener)], as_flag(status.files_in_force))),
        )?;
        let reloads = statuses.iter().flat_map(|(listener, status)| {
            let labels = |result| [("listener", *listener), ("result", result)];
            [(labels("loaded"), status.good_reloads), (labels("refused"), status.failed_reloads)]
        });
        encode_counters(
            &mut encoder,
            "tls_reloads",
            "Reloads of changed TLS files, by result: loaded or refused. Refused files count at every retry.",
            reloads,
        )
    }
}
