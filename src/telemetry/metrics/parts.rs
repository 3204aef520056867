//! Metrics of the parts that calls need.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::sampled::Sampled;
use super::samples::{as_flag, encode_gauge, encode_gauges};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartStatus {
    /// The kind of part: the label `part`.
    pub(crate) kind: &'static str,
    /// The issuer or bucket: the label `name`. Empty for a part that exists once.
    pub(crate) name: Arc<str>,
    pub(crate) available: bool,
    /// Whether the server does not serve without it.
    pub(crate) required: bool,
}

/// The parts, and whether the server serves.
#[derive(Debug, Clone)]
pub(crate) struct ReadinessStatus {
    /// Whether health says SERVING.
    pub(crate) is_serving: bool,
    pub(crate) parts: Vec<PartStatus>,
}

#[derive(Debug)]
pub(super) struct PartCollector(pub(super) Option<Sampled<ReadinessStatus>>);

impl Collector for PartCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = self.0.as_ref().map(Sampled::read);
        let serving = status.as_ref().map(|status| as_flag(status.is_serving));
        encode_gauge(
            &mut encoder,
            "serving",
            "1 while the health service answers SERVING, otherwise 0.",
            None,
            serving,
        )?;
        let parts = status.map(|status| status.parts).unwrap_or_default();
        let samples = parts.iter().map(|PartStatus { kind, name, available, required }| {
            let required = if *required { "true" } else { "false" };
            ([("part", *kind), ("name", &**name), ("required", required)], as_flag(*available))
        });
        let help = "1 while a part that calls need is available, otherwise 0. Without a part with required=true the server does not serve.";
        encode_gauges(&mut encoder, "part_available", help, None, samples)
    }
}
