//! Metrics of quotas.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::samples::encode_counters;
use crate::quota::{QuotaScope, Quotas};

/// Reads the counts at each scrape.
#[derive(Debug)]
pub(super) struct QuotaCollector(pub(super) Option<Arc<Quotas>>);

impl Collector for QuotaCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = self.0.as_ref().map(|quotas| quotas.status());
        let action = if status.is_some_and(|status| status.report_only) { "reported" } else { "refused" };
        let counts = status.map_or(QuotaScope::ALL.map(|scope| (scope, 0)), |status| status.exceeded);
        let counts = counts.map(|(scope, count)| ([("scope", scope.name()), ("action", action)], count));
        encode_counters(
            &mut encoder,
            "quota_exceeded",
            "Calls over a quota, by scope of the quota and action: refused, or reported (quota.report_only).",
            counts,
        )
    }
}
