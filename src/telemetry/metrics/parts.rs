//! What metrics show of the parts that calls need.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::samples::{as_flag, encode_gauge, encode_gauges};

/// One part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartStatus {
    /// What kind of part it is: the label `part`.
    pub kind: &'static str,
    /// The issuer or bucket: the label `name`. Empty for a part that there is once.
    pub name: Arc<str>,
    /// Whether it is there.
    pub available: bool,
    /// Whether the server does not serve without it.
    pub required: bool,
}

/// Tells of the parts, and whether the server serves.
pub trait PartSource: fmt::Debug + Send + Sync + 'static {
    /// Whether health says SERVING.
    fn is_serving(&self) -> bool;

    /// Every part as it is now.
    fn parts(&self) -> Vec<PartStatus>;
}

/// Asks the source at each scrape.
#[derive(Debug)]
pub(super) struct PartCollector(pub(super) Option<Arc<dyn PartSource>>);

impl Collector for PartCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let serving = self.0.as_ref().map(|source| as_flag(source.is_serving()));
        encode_gauge(&mut encoder, "serving", "Whether health says SERVING: 1, or 0.", None, serving)?;
        let parts = self.0.as_ref().map(|source| source.parts()).unwrap_or_default();
        let samples = parts.iter().map(|PartStatus { kind, name, available, required }| {
            let required = if *required { "true" } else { "false" };
            ([("part", *kind), ("name", &**name), ("required", required)], as_flag(*available))
        });
        let help = "Whether a part that calls need is there: 1, or 0. Without a required one nothing is served.";
        encode_gauges(&mut encoder, "part_available", help, None, samples)
    }
}
