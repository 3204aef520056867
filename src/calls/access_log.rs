//! The end of every call, however it ended: the line in the log, the metrics, and the span of its trace.

mod rejected_lines;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::{Duration, Instant};

use http::{HeaderMap, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use opentelemetry_sdk::trace::SdkTracer;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::field::display;

pub use rejected_lines::{DEFAULT_REJECTED_PER_SECOND, RejectedLines};

use super::call_trace::CallTrace;
use super::code::code_name;
use super::connection::ConnectionInfo;
use super::ended_decision::{DecisionFate, EndedDecision};
use super::malformed::MalformedRequest;
use super::method::CallMethod;
use super::observer::{CallObserver, EndedCall};
use super::own_call::OwnCall;
use super::record::CallRecord;
use super::request_id::{REQUEST_ID_HEADER, RequestId};
use crate::broker::Outcome;
use crate::grpc::call_form::PlainHttp;
use crate::identity::{Caller, Peer, WorkloadId};

/// Watches every call, logs it, and tells its observer and its trace of it. Outermost, so that nothing about refused
/// calls is lost. Of the lines of rejected proofs, malformed requests and calls over a limit, some may be
/// [left out](RejectedLines).
///
/// It also gives the call its id, which the answer carries in `x-request-id`.
#[derive(Debug, Clone)]
pub struct AccessLogLayer {
    observer: Arc<dyn CallObserver>,
    tracer: Option<SdkTracer>,
    rejected: Arc<RejectedLines>,
}

impl AccessLogLayer {
    /// A layer that tells the observer of every call, makes a span of each if there is a tracer, and limits the lines of
    /// rejected proofs.
    #[must_use]
    pub const fn new(observer: Arc<dyn CallObserver>, tracer: Option<SdkTracer>, rejected: Arc<RejectedLines>) -> Self {
        Self { observer, tracer, rejected }
    }
}

impl<S> Layer<S> for AccessLogLayer {
    type Service = AccessLog<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AccessLog { inner, layer: self.clone() }
    }
}

/// The service that [`AccessLogLayer`] makes.
#[derive(Debug, Clone)]
pub struct AccessLog<S> {
    inner: S,
    layer: AccessLogLayer,
}

impl<S> Service<Request<Body>> for AccessLog<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if request.extensions().get::<OwnCall>().is_some() {
            return Box::pin(self.inner.call(request));
        }
        let started = Instant::now();
        let AccessLogLayer { observer, tracer, rejected } = &self.layer;
        let method = CallMethod::of_path(request.uri().path());
        observer.started(method);
        let request_id = RequestId::of_call(request.headers());
        let peer = request.extensions().get::<ConnectionInfo>().map(|connection| Arc::clone(&connection.peer));
        let trace = CallTrace::start(tracer.as_ref(), method, request.headers(), peer.as_deref(), &request_id);
        let record = CallRecord::new(request_id, trace);
        request.extensions_mut().insert(record.clone());
        let (observer, rejected) = (Arc::clone(observer), Arc::clone(rejected));
        let mut line = AccessLine { method, started, record, peer, code: None, observer, rejected };
        let response = self.inner.call(request);
        Box::pin(async move {
            let mut response = response.await?;
            let request_id = line.record.request_id().as_header().clone();
            response.headers_mut().insert(REQUEST_ID_HEADER, request_id);
            // A trailers-only answer carries its status in the headers.
            line.learn_code(response.headers());
            if let Some(PlainHttp { code }) = response.extensions().get() {
                line.code = Some(*code);
            }
            Ok(response.map(|body| Body::new(ObservedBody { body, line })))
        })
    }
}

/// The body of an answer, whose trailers tell how the call ended.
struct ObservedBody {
    body: Body,
    line: AccessLine,
}

impl HttpBody for ObservedBody {
    type Data = <Body as HttpBody>::Data;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.line.learn_code(trailers);
                }
            }
            Some(Err(status)) => self.line.code = Some(status.code()),
            None => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The line, written when it is dropped: with the body of the answer, or with the call's future when the client left.
struct AccessLine {
    method: CallMethod,
    started: Instant,
    record: CallRecord,
    peer: Option<Arc<Peer>>,
    code: Option<Code>,
    observer: Arc<dyn CallObserver>,
    rejected: Arc<RejectedLines>,
}

impl AccessLine {
    /// Whether it is one of those that a flood makes: of a rejected proof, of a malformed request, or of a call over a
    /// limit. The line of a decision is always written.
    fn may_be_left_out(&self) -> bool {
        let is_of_flood = |reason| {
            matches!(
                reason,
                "unproven_limit" | "overloaded" | "caller_overloaded" | "message_timed_out" | "unknown_name"
            ) || MalformedRequest::is_code(reason)
        };
        let of_flood = self.record.rejection().is_some() || self.record.reason().is_some_and(is_of_flood);
        of_flood && !self.record.has_decision()
    }

    fn learn_code(&mut self, headers: &HeaderMap) {
        if let Some(value) = headers.get(Status::GRPC_STATUS) {
            self.code = Some(Code::from_bytes(value.as_bytes()));
        }
    }
}

impl Drop for AccessLine {
    fn drop(&mut self) {
        // A call that ended before its status was known was given up by the client, or it panicked.
        let unfinished = if thread::panicking() { Code::Internal } else { Code::Cancelled };
        let code = self.code.unwrap_or(unfinished);
        let now = Instant::now();
        let duration = now.saturating_duration_since(self.started);
        let (method, rejection) = (self.method, self.record.rejection());
        let decision = self.record.ended_decision(self.code);
        self.observer.ended(&EndedCall { method, code, duration, rejection, decision });
        let reason = if !self.may_be_left_out() || self.rejected.admit(now) {
            self.write(code, duration, decision)
        } else {
            self.record.reason()
        };
        if let Some(left_out) = self.rejected.report(now) {
            tracing::warn!(
                left_out,
                "many calls are rejected or over a limit: some of their access lines are left out"
            );
        }
        self.record.trace().end(code, reason);
    }
}

impl AccessLine {
    /// Writes the line, and tells why the call failed, if that is known.
    fn write(&self, code: Code, duration: Duration, ended: Option<EndedDecision<'_>>) -> Option<&'static str> {
        let (method, code) = (self.method.log_name(), code_name(code));
        // Microseconds are as fine as the clock is worth.
        let duration_ms = (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0;
        let request_id = self.record.request_id().as_str();
        let trace_id = self.record.trace_id().map(display);
        let caller = self.record.caller();
        // Where the connection comes from, for want of more.
        let peer = self.peer.as_deref().filter(|_| caller.is_none()).map(|peer| display(peer.address));
        let token = caller.and_then(Caller::token);
        let issuer = token.map(|token| &*token.issuer);
        let subject = token.map(|token| &*token.subject);
        let workload = caller.and_then(Caller::workload).map(WorkloadId::as_str);
        let outcome = ended.map(|ended| ended.outcome());
        let is_answered = ended.is_some_and(|ended| ended.fate == DecisionFate::Answered);
        let decision = ended.map(|ended| ended.decision);
        let bucket = decision.map(|decision| decision.object.bucket.as_str());
        let tier = decision.and_then(|decision| decision.tier.as_deref());
        let decision_id = decision.map(|decision| decision.id.to_string());
        let caller_id = decision.map(|decision| decision.caller_id.as_str());
        let mut as_expected = None;
        let (rule, refusal, expires_at) = match decision.map(|decision| &decision.outcome) {
            Some(Outcome::Issued { grant, expires_at, .. }) => {
                // URLs that were not given have no end.
                let expires_at = is_answered.then(|| display(humantime::format_rfc3339_seconds(*expires_at)));
                (Some(&**grant), None, expires_at)
            }
            Some(Outcome::Verified { grant, as_expected: verified, .. }) => {
                as_expected = is_answered.then_some(*verified);
                (Some(&**grant), None, None)
            }
            Some(Outcome::Failed(error)) => (error.refusing_rule(), Some(error.code()), None),
            None => (None, None, None),
        };
        let reason = self.record.reason().or(refusal);
        // Probes are many and say nothing, unless they are refused.
        if self.method.is_about_the_server() && reason.is_none() {
            tracing::debug!(target: "access", method, code, duration_ms, request_id, trace_id, "call");
        } else {
            tracing::info!(
                target: "access",
                method, code, duration_ms, request_id, trace_id, peer, issuer, subject, workload, caller_id, bucket, tier, outcome,
                rule, reason, expires_at, as_expected, decision_id,
                "call"
            );
        }
        reason
    }
}

#[cfg(test)]
mod tests;
