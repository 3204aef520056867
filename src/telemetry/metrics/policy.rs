//! Metrics of the active policy.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::samples::{as_flag, as_gauge, encode_counters, encode_gauge, encode_gauges, unix_seconds};
use crate::policy_store::PolicyStore;

/// Reads the store's state at each scrape.
#[derive(Debug)]
pub(super) struct PolicyCollector(pub(super) Option<Arc<PolicyStore>>);

impl Collector for PolicyCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = self.0.as_ref().map(|store| store.status());
        let generation = status.map(|status| as_gauge(status.generation));
        let help = "Number of the active policy: 1 at the start, one more for each reload.";
        encode_gauge(&mut encoder, "policy_generation", help, None, generation)?;
        let hash = status.map(|status| ([("hash", status.hash.to_string())], 1.0));
        let help = "Hash of the active policy, as access-broker check prints it. The value is always 1.";
        encode_gauges(&mut encoder, "policy_info", help, None, hash)?;
        let loaded_at = status.and_then(|status| unix_seconds(status.loaded_at));
        let help = "Time when the active policy was loaded, as Unix time.";
        encode_gauge(&mut encoder, "policy_loaded_timestamp", help, Some(&Unit::Seconds), loaded_at)?;
        let file_in_force = status.map(|status| as_flag(status.file_in_force));
        let help = "1 if the policy file, as last read, has the active policy, otherwise 0.";
        encode_gauge(&mut encoder, "policy_file_in_force", help, None, file_in_force)?;
        let reloads =
            status.map(|status| [([("result", "loaded")], status.reloads), ([("result", "refused")], status.refused)]);
        let help = "Reloads of a changed policy file, by result: loaded or refused.";
        encode_counters(&mut encoder, "policy_reloads", help, reloads.into_iter().flatten())
    }
}
