//! The text formats of metrics.

use std::fmt;

use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;

/// A text format of metrics. Both have the same samples, with the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsFormat {
    /// The [text format of Prometheus](https://prometheus.io/docs/instrumenting/exposition_formats/), version 0.0.4. Every
    /// scraper reads it. It has no units, and an info metric is a gauge.
    PrometheusText,
    /// [`OpenMetrics` 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/). Prometheus asks for it.
    OpenMetrics,
}

impl MetricsFormat {
    /// The value of `content-type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::PrometheusText => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    pub(super) fn encode(self, registry: &Registry) -> Result<String, fmt::Error> {
        let mut encoded = String::new();
        match self {
            Self::PrometheusText => prometheus_text::encode(&mut encoded, registry)?,
            Self::OpenMetrics => text::encode(&mut encoded, registry)?,
        }
        Ok(encoded)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::telemetry::{MetricSources, Metrics};

    /// The text after this prefix, by metric.
    fn comments(text: &str, keyword: &str) -> BTreeMap<String, String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("# ")?.strip_prefix(keyword)?.strip_prefix(' '));
        lines.filter_map(|line| line.split_once(' ')).map(|(name, rest)| (name.to_owned(), rest.to_owned())).collect()
    }

    /// The samples: name, labels, and value. Values of the process itself change from moment to moment.
    ///
    /// The formats order labels differently, and write bounds differently: `le="1.0"` and `le="1"`.
    fn samples(text: &str) -> BTreeSet<(String, BTreeMap<String, String>, String)> {
        let sample = |line: &str| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = labels.strip_suffix('}').unwrap().split(',').filter_map(|label| label.split_once('='));
            let labels = labels.map(|(label, value)| {
                let value = value.trim_matches('"');
                let value = if label == "le" { value.parse::<f64>().unwrap().to_string() } else { value.to_owned() };
                (label.to_owned(), value)
            });
            let value = if name.starts_with("process_") { "" } else { value };
            (name.to_owned(), labels.collect(), value.to_owned())
        };
        text.lines().filter(|line| !line.starts_with('#')).map(sample).collect()
    }

    #[test]
    fn both_formats_have_the_same_samples_with_the_same_types_and_texts() {
        let metrics = Metrics::new(MetricSources::default());
        let [plain, open] =
            [MetricsFormat::PrometheusText, MetricsFormat::OpenMetrics].map(|format| metrics.text(format).unwrap());
        assert_eq!(samples(&plain), samples(&open));
        assert!(samples(&plain).len() > 100);
        assert!(open.ends_with("# EOF\n") && open.contains("\n# UNIT "));
        assert!(!plain.contains("# EOF") && !plain.contains("# UNIT "));
        // The older format has the full name of counters and infos, and calls infos gauges.
        let types = comments(&open, "TYPE").into_iter().map(|(name, kind)| match kind.as_str() {
            "counter" => (format!("{name}_total"), kind),
            "info" => (format!("{name}_info"), "gauge".to_owned()),
            _ => (name, kind),
        });
        assert_eq!(comments(&plain, "TYPE"), types.collect());
        let texts = |text: &str| -> BTreeSet<String> { comments(text, "HELP").into_values().collect() };
        assert_eq!(texts(&plain), texts(&open));
    }

    #[test]
    fn no_text_needs_the_escapes_that_the_formats_spell_in_different_ways() {
        let text = Metrics::new(MetricSources::default()).text(MetricsFormat::OpenMetrics).unwrap();
        for (name, help) in comments(&text, "HELP") {
            assert!(!help.contains(['\\', '"']), "{name}");
            assert!(help.ends_with('.'), "{name}: {help}");
        }
    }
}
