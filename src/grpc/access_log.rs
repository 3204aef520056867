//! One line per call, written when the call has ended, however it ended.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http::{HeaderMap, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::field::display;

use super::SERVICE_NAME;
use super::call::CallRecord;
use crate::broker::Outcome;
use crate::identity::{Caller, WorkloadId};

/// Watches every call and logs it. Outermost, so that refused calls are logged too.
#[derive(Debug, Clone, Copy, Default)]
pub struct AccessLogLayer;

impl<S> Layer<S> for AccessLogLayer {
    type Service = AccessLog<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AccessLog { inner }
    }
}

/// The service that [`AccessLogLayer`] makes.
#[derive(Debug, Clone)]
pub struct AccessLog<S> {
    inner: S,
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
        let record = CallRecord::default();
        request.extensions_mut().insert(record.clone());
        let mut line =
            AccessLine { method: method_name(request.uri().path()), started: Instant::now(), record, code: None };
        let response = self.inner.call(request);
        Box::pin(async move {
            let response = response.await?;
            // A trailers-only answer carries its status in the headers.
            line.learn_code(response.headers());
            Ok(response.map(|body| Body::new(ObservedBody { body, line })))
        })
    }
}

/// The method's name for logs: one of a closed list, because paths are whatever a client sends.
fn method_name(path: &str) -> &'static str {
    let known = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    match known {
        Some((SERVICE_NAME, "IssueDownloadUrl")) => "IssueDownloadUrl",
        Some((SERVICE_NAME, "IssueUploadUrl")) => "IssueUploadUrl",
        Some((SERVICE_NAME, "VerifyUpload")) => "VerifyUpload",
        Some(("grpc.health.v1.Health", _)) => "Health",
        Some(("grpc.reflection.v1.ServerReflection" | "grpc.reflection.v1alpha.ServerReflection", _)) => "Reflection",
        _ => "unknown",
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
    method: &'static str,
    started: Instant,
    record: CallRecord,
    code: Option<Code>,
}

impl AccessLine {
    fn learn_code(&mut self, headers: &HeaderMap) {
        if let Some(value) = headers.get(Status::GRPC_STATUS) {
            self.code = Some(Code::from_bytes(value.as_bytes()));
        }
    }
}

impl Drop for AccessLine {
    fn drop(&mut self) {
        // A call that ended before its status was known was given up by the client.
        let code = code_name(self.code.unwrap_or(Code::Cancelled));
        // Microseconds are as fine as the clock is worth.
        let duration_ms = (self.started.elapsed().as_secs_f64() * 1_000_000.0).round() / 1_000.0;
        let method = self.method;
        let caller = self.record.caller();
        let token = caller.and_then(Caller::token);
        let issuer = token.map(|token| &*token.issuer);
        let subject = token.map(|token| &*token.subject);
        let workload = caller.and_then(Caller::workload).map(WorkloadId::as_str);
        let decision = self.record.decision();
        let bucket = decision.map(|decision| decision.object.bucket.as_str());
        let tier = decision.and_then(|decision| decision.tier.as_deref());
        let decision_id = decision.map(|decision| decision.id.to_string());
        let caller_id = decision.map(|decision| decision.caller_id.as_str());
        let mut as_expected = None;
        let (rule, refusal, expires_at) = match decision.map(|decision| &decision.outcome) {
            Some(Outcome::Issued { grant, expires_at, .. }) => {
                (Some(&**grant), None, Some(display(humantime::format_rfc3339_seconds(*expires_at))))
            }
            Some(Outcome::Verified { grant, as_expected: verified, .. }) => {
                as_expected = Some(*verified);
                (Some(&**grant), None, None)
            }
            Some(Outcome::Failed(error)) => (error.denial(), Some(error.code()), None),
            None => (None, None, None),
        };
        let reason = self.record.reason().or(refusal);
        // Probes are many and say nothing, unless they are refused.
        if matches!(method, "Health" | "Reflection") && reason.is_none() {
            tracing::debug!(target: "access", method, code, duration_ms, "call");
        } else {
            tracing::info!(
                target: "access",
                method, code, duration_ms, issuer, subject, workload, caller_id, bucket, tier, rule, reason, expires_at,
                as_expected, decision_id,
                "call"
            );
        }
    }
}

/// The code's name as the gRPC specification spells it; `Display` of [`Code`] is a sentence.
const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
