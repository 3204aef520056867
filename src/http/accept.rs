//! Which media types a client accepts (RFC 9110 section 12.5.1).

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};

/// Whether the client accepts JSON. Without the header, it accepts everything.
pub(super) fn accepts_json(headers: &HeaderMap) -> bool {
    let mut best: Option<(u8, bool)> = None;
    let mut is_empty = true;
    let ranges =
        headers.get_all(ACCEPT).iter().map(HeaderValue::as_bytes).flat_map(|value| value.split(|byte| *byte == b','));
    for range in ranges.map(<[u8]>::trim_ascii).filter(|range| !range.is_empty()) {
        is_empty = false;
        let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let media_range = parts.next().unwrap_or_default();
        // The most specific range decides.
        let precision = match media_range {
            range if range.eq_ignore_ascii_case(b"application/json") => 2,
            range if range.eq_ignore_ascii_case(b"application/*") => 1,
            b"*/*" => 0,
            _ => continue,
        };
        let is_refused = parts.any(is_weight_zero);
        if best.is_none_or(|(known, _)| known <= precision) {
            best = Some((precision, !is_refused));
        }
    }
    is_empty || best.is_some_and(|(_, accepted)| accepted)
}

/// Whether this parameter is a weight of zero: `q=0`, `q=0.000`.
fn is_weight_zero(parameter: &[u8]) -> bool {
    let Some((name, value)) = parameter.split_first_chunk::<2>() else { return false };
    name.eq_ignore_ascii_case(b"q=")
        && value.first() == Some(&b'0')
        && value.iter().all(|byte| matches!(byte, b'0' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(values: &[&'static str]) -> bool {
        accepts_json(&values.iter().map(|value| (ACCEPT, HeaderValue::from_static(value))).collect())
    }

    #[test]
    fn the_most_specific_range_decides() {
        for good in [
            &[][..],
            &[""],
            &["*/*"],
            &["application/json"],
            &["Application/JSON; charset=utf-8"],
            &["application/*;q=0.1"],
            &["text/html,application/xhtml+xml,*/*;q=0.8"],
            &["text/html", "application/json"],
            &["*/*;q=0, application/json"],
            &["application/json;q=0.001"],
        ] {
            assert!(accepts(good), "{good:?}");
        }
        for bad in [
            &["text/html"][..],
            &["application/xml, text/*"],
            &["application/json;q=0"],
            &["application/json;q=0.000, */*"],
            &["application/jsonx"],
            &["*/*; q=0"],
        ] {
            assert!(!accepts(bad), "{bad:?}");
        }
    }
}
