//! The format of metrics that a scraper's `Accept` prefers (RFC 9110 section 12.5.1).

use http::HeaderMap;
use http::header::ACCEPT;

use crate::telemetry::MetricsFormat;

/// Weights are from 0 to 1, with three decimal places: here in thousandths.
const FULL_WEIGHT: u16 = 1_000;

/// The format that the request prefers: `OpenMetrics` if it is preferred, otherwise the text format of Prometheus,
/// which every scraper reads. A request that accepts neither gets the text format as well: a person can read it at
/// least.
///
/// A malformed range of `Accept` is ignored.
pub(super) fn preferred_format(headers: &HeaderMap) -> MetricsFormat {
    let mut ranges = Vec::new();
    for value in headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()) {
        ranges.extend(split(value, ',').filter_map(MediaRange::parse));
    }
    let plain = best(&ranges, "text", "plain", "0.0.4");
    let open = best(&ranges, "application", "openmetrics-text", "1.0.0");
    let prefers_open = open.weight > plain.weight
        // A client that names it first can read it.
        || open.weight == plain.weight && open.weight > 0 && open.precision == Precision::Type;
    if prefers_open { MetricsFormat::OpenMetrics } else { MetricsFormat::PrometheusText }
}

/// How specific a range is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    /// `*/*`
    Anything,
    /// `text/*`
    Group,
    /// `text/plain`
    Type,
    /// `text/plain; version=0.0.4`
    Version,
}

/// The weight of a format.
#[derive(Debug, Clone, Copy)]
struct Acceptance {
    precision: Precision,
    weight: u16,
}

/// The weight of the most specific range that matches; among several of these, the highest.
fn best(ranges: &[MediaRange<'_>], group: &str, name: &str, version: &str) -> Acceptance {
    let fitting = ranges.iter().filter_map(|range| {
        let precision = range.precision_for(group, name, version)?;
        Some((precision, range.weight))
    });
    let (precision, weight) = fitting.max().unwrap_or((Precision::Anything, 0));
    // Below the type, one format is as good as another.
    Acceptance { precision: precision.min(Precision::Type), weight }
}

/// One element of `Accept`.
struct MediaRange<'h> {
    group: &'h str,
    name: &'h str,
    version: Option<&'h str>,
    weight: u16,
}

impl<'h> MediaRange<'h> {
    fn parse(element: &'h str) -> Option<Self> {
        let mut parts = split(element, ';');
        let (group, name) = parts.next()?.split_once('/')?;
        let mut range = Self { group, name, version: None, weight: FULL_WEIGHT };
        for parameter in parts.filter(|parameter| !parameter.is_empty()) {
            let (key, value) = parameter.split_once('=')?;
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
            if key.eq_ignore_ascii_case("q") {
                range.weight = weight(value)?;
            } else if key.eq_ignore_ascii_case("version") {
                range.version = Some(value);
            }
        }
        Some(range)
    }

    /// How specific the range is, if it matches.
    fn precision_for(&self, group: &str, name: &str, version: &str) -> Option<Precision> {
        let same = |left: &str, right: &str| left.eq_ignore_ascii_case(right);
        match (self.group, self.name, self.version) {
            ("*", "*", _) => Some(Precision::Anything),
            (of, "*", _) if same(of, group) => Some(Precision::Group),
            (of, named, None) if same(of, group) && same(named, name) => Some(Precision::Type),
            (of, named, Some(of_version)) if same(of, group) && same(named, name) && of_version == version => {
                Some(Precision::Version)
            }
            _ => None,
        }
    }
}

/// `0`, `1`, or one of these with up to three digits behind the point, at most 1.
fn weight(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{fraction:0<3}").parse::<u16>().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(FULL_WEIGHT),
        _ => None,
    }
}

/// The parts between separators outside quotation marks, without white space around them.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let parts = text.split(move |character: char| {
        quoted ^= character == '"';
        character == separator && !quoted
    });
    parts.map(str::trim)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn format(accepts: &[&str]) -> MetricsFormat {
        let value = |accept: &&str| (ACCEPT, HeaderValue::from_bytes(accept.as_bytes()).unwrap());
        preferred_format(&accepts.iter().map(value).collect())
    }

    #[test]
    fn scrapers_get_what_they_ask_for() {
        for (accept, expected) in [
            // curl, Telegraf, Netdata, a browser
            ("*/*", MetricsFormat::PrometheusText),
            ("text/plain", MetricsFormat::PrometheusText),
            ("text/plain;version=0.0.4;q=1,*/*;q=0.1", MetricsFormat::PrometheusText),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", MetricsFormat::PrometheusText),
            (
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; q=0.7, \
                 text/plain; version=0.0.4; q=0.3",
                MetricsFormat::PrometheusText,
            ),
            // Prometheus 2.42, 2.53 and 3
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                MetricsFormat::OpenMetrics,
            ),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
                 text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                MetricsFormat::OpenMetrics,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                 text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                MetricsFormat::OpenMetrics,
            ),
        ] {
            assert_eq!(format(&[accept]), expected, "{accept}");
        }
    }

    #[test]
    fn the_weight_decides_and_then_the_more_precise_range() {
        for (accept, expected) in [
            ("application/openmetrics-text", MetricsFormat::OpenMetrics),
            ("application/openmetrics-text; version=\"1.0.0\"; charset=utf-8", MetricsFormat::OpenMetrics),
            ("Application/OpenMetrics-Text; Q=0.5", MetricsFormat::OpenMetrics),
            ("application/openmetrics-text;q=0.5, text/plain;q=0.6", MetricsFormat::PrometheusText),
            ("application/openmetrics-text;q=0.6, text/plain;q=0.5", MetricsFormat::OpenMetrics),
            ("text/plain, application/openmetrics-text", MetricsFormat::OpenMetrics),
            ("text/*, application/*", MetricsFormat::PrometheusText),
            ("application/*", MetricsFormat::OpenMetrics),
            ("application/openmetrics-text, */*", MetricsFormat::OpenMetrics),
            ("application/openmetrics-text;q=0.1, */*;q=0.2", MetricsFormat::PrometheusText),
            ("application/openmetrics-text;q=0, */*", MetricsFormat::PrometheusText),
            ("*/*, text/plain;q=0", MetricsFormat::OpenMetrics),
            ("application/openmetrics-text;version=0.0.1", MetricsFormat::PrometheusText),
            ("application/openmetrics-text;version=2.0.0, */*;q=0.1", MetricsFormat::PrometheusText),
            ("image/png", MetricsFormat::PrometheusText),
        ] {
            assert_eq!(format(&[accept]), expected, "{accept}");
        }
        assert_eq!(format(&[]), MetricsFormat::PrometheusText);
        assert_eq!(format(&["text/plain;q=0.2", "application/openmetrics-text;q=0.3"]), MetricsFormat::OpenMetrics);
    }

    #[test]
    fn what_is_malformed_counts_as_absent() {
        let open = "application/openmetrics-text";
        for malformed in [
            "",
            ",",
            "/",
            "x",
            "äöü",
            "*/",
            "\"",
            &format!("{open};q=2"),
            &format!("{open};q=0.1234"),
            &format!("{open};q=-1"),
            &format!("{open};q=1.001"),
            &format!("{open};q="),
            &format!("{open};q"),
        ] {
            assert_eq!(format(&[malformed]), MetricsFormat::PrometheusText, "{malformed}");
            assert_eq!(format(&[malformed, open]), MetricsFormat::OpenMetrics, "{malformed}");
        }
        // A comma within quotation marks is not a separator.
        let quoted = format!("image/png;note=\"a,{open};q=1,b\"");
        assert_eq!(format(&[&quoted]), MetricsFormat::PrometheusText);
    }

    proptest! {
        #[test]
        fn nothing_that_a_header_can_hold_does_harm(accept in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = HeaderValue::from_bytes(&accept) {
                let _either = preferred_format(&HeaderMap::from_iter([(ACCEPT, value)]));
            }
        }
    }
}
