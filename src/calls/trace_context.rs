//! The trace that a call belongs to, from its client's headers ([W3C Trace
//! Context](https://www.w3.org/TR/trace-context/)).
//!
//! The SDK's propagator reads the headers. It is more lenient than the specification, so they are checked first.

use std::borrow::Cow;

use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The length of a `traceparent` of version 00, in bytes.
const TRACEPARENT_BYTES: usize = 55;

/// The maximum length of a `tracestate` that is passed on, in bytes. Section 3.3.1.5 requires no more.
const MAX_TRACESTATE_BYTES: usize = 512;

/// A context with the client's span, if the metadata has a valid one. Otherwise the call begins a new trace.
pub(crate) fn remote_context(headers: &HeaderMap) -> Context {
    let context = Context::new();
    match TraceHeaders::read(headers) {
        Some(headers) => TraceContextPropagator::new().extract_with_context(&context, &headers),
        None => context,
    }
}

/// The two headers, if they are valid.
struct TraceHeaders<'h> {
    parent: &'h str,
    state: Option<Cow<'h, str>>,
}

impl<'h> TraceHeaders<'h> {
    fn read(headers: &'h HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let parent = values.next()?.to_str().ok()?;
        let is_single = values.next().is_none();
        (is_single && is_well_formed(parent)).then(|| Self { parent, state: trace_state(headers) })
    }
}

impl Extractor for TraceHeaders<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            TRACEPARENT => Some(self.parent),
            TRACESTATE => self.state.as_deref(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT, TRACESTATE]
    }
}

/// Section 3.2.2: `version-traceid-parentid-flags`, in lower case. Later versions may append fields. The propagator
/// accepts more: fields of other lengths, with a sign or in upper case, and a `-` at the end of version 00.
fn is_well_formed(parent: &str) -> bool {
    let Some((fields, more)) = parent.as_bytes().split_at_checked(TRACEPARENT_BYTES) else { return false };
    let fits = |(place, byte): (usize, &u8)| match place {
        2 | 35 | 52 => *byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    let may_have_more = !parent.starts_with("00");
    fields.iter().enumerate().all(fits) && (more.is_empty() || may_have_more && more.starts_with(b"-"))
}

/// What vendors keep with a trace. Several values are one list (section 3.3.1); an invalid or too long one is omitted.
fn trace_state(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let mut values = headers.get_all(TRACESTATE).iter().map(|value| value.to_str().ok());
    let mut joined = Cow::Borrowed(values.next()??);
    for value in values {
        let joined = joined.to_mut();
        joined.push(',');
        joined.push_str(value?);
    }
    (joined.len() <= MAX_TRACESTATE_BYTES).then_some(joined)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags};
    use proptest::prelude::*;

    use super::*;

    const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parent(values: &[(&'static str, &str)]) -> Option<SpanContext> {
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let context = remote_context(&headers);
        let parent = context.span().span_context().clone();
        parent.is_valid().then_some(parent)
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
            // What the propagator would accept.
            &SAMPLED.replace("-4bf9", "-+bf9"),
            &SAMPLED.replace("-4bf9", "-bf9"),
            &SAMPLED.replace("-00f0", "-f0"),
            &SAMPLED.replace("-01", "-1"),
            &SAMPLED.replace("00-4", "AA-4"),
            &format!("{SAMPLED}-"),
            &format!(" {SAMPLED}"),
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
            if let Ok(value) = HeaderValue::from_str(&text) {
                let _either_way = remote_context(&HeaderMap::from_iter([(HeaderName::from_static(TRACEPARENT), value)]));
            }
        }

        #[test]
        fn what_is_taken_was_written_so(text in "[0-9a-f]{2}-[0-9a-f]{31,33}-[0-9a-f]{15,17}-[0-9a-f]{1,3}") {
            if let Some(parent) = parent(&[("traceparent", &text)]) {
                let ids = format!("-{}-{}-", parent.trace_id(), parent.span_id());
                prop_assert_eq!(&text[2..53], ids);
            }
        }
    }
}
