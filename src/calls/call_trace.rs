//! A call's place in a trace, by the
//! [semantic conventions for RPC](https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/).

use http::HeaderMap;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, TraceId, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;

use super::code::Code;
use super::method::CallMethod;
use super::request_id::RequestId;
use super::trace_context::remote_context;
use crate::step_span::StepSpan;
use access_broker_identity::{Peer, PeerAddress};

/// The span of a call, or at least the trace that its client named.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallTrace {
    context: Context,
    /// `None` if the call is not traced: the context then has the client's span, if there is one.
    tracer: Option<SdkTracer>,
}

impl CallTrace {
    /// Begins the span of a call by this protocol, unless traces are off or the call is a probe.
    pub(crate) fn start(
        tracer: Option<&SdkTracer>,
        system: &'static str,
        method: CallMethod,
        headers: &HeaderMap,
        peer: &Peer,
        request_id: &RequestId,
    ) -> Self {
        let parent = remote_context(headers);
        let Some(tracer) = tracer.filter(|_| method.needs_caller()) else {
            return Self { context: parent, tracer: None };
        };
        let mut attributes = vec![
            KeyValue::new("rpc.system.name", system),
            KeyValue::new("rpc.method", method.rpc_method()),
            KeyValue::new("access_broker.request_id", request_id.as_str().to_owned()),
        ];
        if let PeerAddress::Tcp(address) = peer.address {
            attributes.push(KeyValue::new("network.peer.address", address.ip().to_string()));
            attributes.push(KeyValue::new("network.peer.port", i64::from(address.port())));
        }
        // Span names must be few, so the name of an unknown method is the protocol's.
        let name = if method == CallMethod::Unknown { system } else { method.rpc_method() };
        let span = tracer.span_builder(name).with_kind(SpanKind::Server).with_attributes(attributes);
        let span = span.start_with_context(tracer, &parent);
        Self { context: parent.with_span(span), tracer: Some(tracer.clone()) }
    }

    /// The id of the trace, if the call belongs to one.
    pub(crate) fn trace_id(&self) -> Option<TraceId> {
        let trace_id = self.context.span().span_context().trace_id();
        (trace_id != TraceId::INVALID).then_some(trace_id)
    }

    pub(crate) fn step(&self, name: &'static str) -> StepSpan {
        StepSpan::start(self.tracer.as_ref(), name, &self.context)
    }

    pub(crate) fn end(&self, code: Code, reason: Option<&'static str>) {
        if self.tracer.is_none() {
            return;
        }
        let span = self.context.span();
        span.set_attribute(KeyValue::new("rpc.response.status_code", code.name()));
        if let Some(reason) = reason {
            span.set_attribute(KeyValue::new("access_broker.reason", reason));
        }
        if is_fault_of_server(code) {
            span.set_attribute(KeyValue::new("error.type", code.name()));
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

/// The codes that make a server's span an error ([conventions for
/// gRPC](https://opentelemetry.io/docs/specs/semconv/rpc/grpc/)); the others are caused by the client.
const fn is_fault_of_server(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
