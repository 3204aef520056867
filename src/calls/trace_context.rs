//! The trace that a call belongs to, as its client tells it ([W3C Trace Context](https://www.w3.org/TR/trace-context/)).

use std::str::FromStr;

use http::{HeaderMap, HeaderName};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The length of a `traceparent` of version 00, in bytes.
const TRACEPARENT_BYTES: usize = 55;

/// The longest `tracestate` that is passed on, in bytes. Section 3.3.1.5 asks for no more.
const MAX_TRACESTATE_BYTES: usize = 512;

/// The client's span, if the metadata names one without a fault. A fault makes the call the beginning of a new trace.
pub(crate) fn remote_parent(headers: &HeaderMap) -> Option<SpanContext> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let parent = values.next()?;
    if values.next().is_some() {
        return None;
    }
    let (trace_id, span_id, flags) = parse_traceparent(parent.to_str().ok()?)?;
    let context = SpanContext::new(trace_id, span_id, flags, true, trace_state(headers));
    context.is_valid().then_some(context)
}

/// Section 3.2.2: `version-traceid-parentid-flags`, in lower case. Later versions may append fields.
fn parse_traceparent(value: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let version = value.get(..2).filter(|version| is_lower_hex(version) && *version != "ff")?;
    let ends_well = match value.as_bytes().get(TRACEPARENT_BYTES) {
        None => value.len() == TRACEPARENT_BYTES,
        Some(next) => version != "00" && *next == b'-',
    };
    let mut fields = value.get(2..TRACEPARENT_BYTES)?.strip_prefix('-')?.split('-');
    let (trace_id, span_id, flags, None) = (fields.next()?, fields.next()?, fields.next()?, fields.next()) else {
        return None;
    };
    let lengths_fit = (trace_id.len(), span_id.len(), flags.len()) == (32, 16, 2);
    if !ends_well || !lengths_fit || ![trace_id, span_id, flags].into_iter().all(is_lower_hex) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    // Section 3.2.2.5.2: flags that are not known are not passed on.
    Some((TraceId::from_hex(trace_id).ok()?, SpanId::from_hex(span_id).ok()?, flags & TraceFlags::SAMPLED))
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What vendors keep with a trace. Several values are one list (section 3.3.1); a faulty or overlong one is left out.
fn trace_state(headers: &HeaderMap) -> TraceState {
    let values: Result<Vec<_>, _> = headers.get_all(TRACESTATE).iter().map(|value| value.to_str()).collect();
    let joined = values.map(|values| values.join(",")).unwrap_or_default();
    if joined.is_empty() || joined.len() > MAX_TRACESTATE_BYTES {
        return TraceState::default();
    }
    TraceState::from_str(&joined).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parent(values: &[(&'static str, &str)]) -> Option<SpanContext> {
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        remote_parent(&headers)
    }

    #[test]
    fn the_clients_span_becomes_the_parent() {
        let context = parent(&[("traceparent", SAMPLED), ("tracestate", "a=1"), ("tracestate", "b=2")]).unwrap();
        assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id().to_string(), "00f067aa0ba902b7");
        assert!(context.is_remote() && context.is_sampled());
        assert_eq!(context.trace_state().header(), "a=1,b=2");
        let unsampled = parent(&[("traceparent", &SAMPLED.replace("-01", "-f0"))]).unwrap();
        assert_eq!(unsampled.trace_flags(), TraceFlags::default());
    }

    #[test]
    fn a_later_version_may_say_more() {
        let later = SAMPLED.replacen("00", "cc", 1);
        assert!(parent(&[("traceparent", &later)]).is_some());
        assert!(parent(&[("traceparent", &format!("{later}-more"))]).is_some());
        assert!(parent(&[("traceparent", &format!("{later}more"))]).is_none());
    }

    #[test]
    fn a_faulty_parent_is_none() {
        for faulty in [
            "",
            "00",
            &SAMPLED[1..],
            &SAMPLED[..54],
            &format!("{SAMPLED}-01"),
            &SAMPLED.to_uppercase(),
            &SAMPLED.replacen("00", "ff", 1),
            &SAMPLED.replace("4bf9", "4bg9"),
            &SAMPLED.replace("4bf92f35", "4bf9-f35"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        ] {
            assert_eq!(parent(&[("traceparent", faulty)]), None, "{faulty}");
        }
        assert_eq!(parent(&[("traceparent", SAMPLED), ("traceparent", SAMPLED)]), None);
        assert_eq!(parent(&[("tracestate", "a=1")]), None);
    }

    #[test]
    fn a_faulty_or_overlong_state_is_left_out() {
        for state in ["novalue", "no pair", &format!("a={}", "x".repeat(MAX_TRACESTATE_BYTES))] {
            let context = parent(&[("traceparent", SAMPLED), ("tracestate", state)]).unwrap();
            assert_eq!(context.trace_state().header(), "", "{state}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,80}") {
            let _either_way = parse_traceparent(&text);
        }

        #[test]
        fn what_is_taken_was_written_so(text in "[0-9a-f]{2}-[0-9a-f]{31,33}-[0-9a-f]{15,17}-[0-9a-f]{1,3}") {
            if let Some((trace_id, span_id, _)) = parse_traceparent(&text) {
                let ids = format!("-{trace_id}-{span_id}-");
                prop_assert_eq!(&text[2..53], ids);
            }
        }
    }
}
