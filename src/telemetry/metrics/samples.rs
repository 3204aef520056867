//! Writes samples that are read at each scrape.

use std::fmt;
use std::time::SystemTime;

use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// No labels.
pub(super) const NO_LABELS: [(&str, &str); 0] = [];

/// Writes a counter, with a sample for each set of labels.
pub(super) fn encode_counters<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counts: impl IntoIterator<Item = (L, u64)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, count) in counts {
        ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

/// Writes a gauge, with a sample for each set of labels. The unit becomes the end of the name.
pub(super) fn encode_gauges<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    values: impl IntoIterator<Item = (L, f64)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
    for (labels, value) in values {
        ConstGauge::new(value).encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

/// Writes a gauge without labels, unless there is no value.
pub(super) fn encode_gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: Option<f64>,
) -> fmt::Result {
    let metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
    value.map_or(Ok(()), |value| ConstGauge::new(value).encode(metric))
}

/// Writes the given instants, as Unix time.
pub(super) fn encode_timestamps<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    instants: impl IntoIterator<Item = (L, Option<SystemTime>)>,
) -> fmt::Result {
    let known = instants.into_iter().filter_map(|(labels, instant)| Some((labels, unix_seconds(instant?)?)));
    encode_gauges(encoder, name, help, Some(&Unit::Seconds), known)
}

/// An instant from 1970 on, as Unix time.
pub(super) fn unix_seconds(instant: SystemTime) -> Option<f64> {
    Some(instant.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64())
}

/// A boolean as a gauge: 1 or 0.
pub(super) fn as_flag(flag: bool) -> f64 {
    f64::from(u8::from(flag))
}

/// A count as a gauge. Exact up to 2^53, which no count here reaches.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(super) const fn as_gauge(count: u64) -> f64 {
    count as f64
}
