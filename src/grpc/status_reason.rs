//! Gives every status a reason.
//!
//! Statuses of this program are made in [`status`](super::status) and have one. The gRPC library, its health and its
//! reflection answer some requests by themselves, with a code and a text only, and with `INTERNAL` for mistakes of
//! clients. There is one rule for all of them: a status without details is replaced by one of ours, by what is known of
//! the request, and else by the library's code.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::framing::{FramedBody, Framing};
use super::status::{ACCEPTED_ENCODINGS, status_of_library_fault, status_of_oversized_message, status_of_unknown_name};
use crate::calls::call_counters::CallCounters;
use crate::calls::malformed::{MalformedRequest, RequestFault};
use crate::calls::method::CallMethod;
use crate::calls::record::CallRecord;
use crate::calls::refusal::refuse_malformed;

/// Looks at every request's framing and at every answer's status.
#[derive(Debug, Clone)]
pub struct StatusReasonLayer {
    counters: Arc<CallCounters>,
}

impl StatusReasonLayer {
    /// A layer that counts here.
    #[must_use]
    pub const fn new(counters: Arc<CallCounters>) -> Self {
        Self { counters }
    }
}

impl<S> Layer<S> for StatusReasonLayer {
    type Service = StatusReason<S>;

    fn layer(&self, inner: S) -> Self::Service {
        StatusReason { inner, counters: Arc::clone(&self.counters) }
    }
}

/// The service that [`StatusReasonLayer`] makes.
#[derive(Debug, Clone)]
pub struct StatusReason<S> {
    inner: S,
    counters: Arc<CallCounters>,
}

impl<S> Service<Request<Body>> for StatusReason<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = CallMethod::of_path(request.uri().path());
        let record = request.extensions().get::<CallRecord>().cloned().unwrap_or_default();
        let framing = Framing::of_call(method, request.headers());
        let request = request.map(|body| Body::new(FramedBody::new(body, framing, record.clone())));
        let explaining = Explaining { record, counters: Arc::clone(&self.counters) };
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            Ok(match explaining.explain(answer.headers(), IsStream(false)) {
                Some(status) => status.into_http(),
                // The status of a unary call that has a message is `OK`.
                None if method.grpc_type() == "unary" => answer,
                None => answer.map(|body| Body::new(ExplainedBody { body, explaining })),
            })
        })
    }
}

/// Whether a status is at the end of a stream of answers.
#[derive(Clone, Copy, PartialEq, Eq)]
struct IsStream(bool);

/// What is needed to explain a status.
struct Explaining {
    record: CallRecord,
    counters: Arc<CallCounters>,
}

impl Explaining {
    /// The status in the place of one that has no reason.
    fn explain(&self, headers: &HeaderMap, is_stream: IsStream) -> Option<Status> {
        let code = Code::from_bytes(headers.get(Status::GRPC_STATUS).map(HeaderValue::as_bytes)?);
        if headers.contains_key(Status::GRPC_STATUS_DETAILS) {
            return None;
        }
        let Self { record, counters } = self;
        let request_id = record.request_id().as_str();
        let malformed = match (record.request_fault(), code) {
            // Reflection ends its stream with `OK` in this case.
            (Some(RequestFault::Malformed(malformed)), _) => malformed,
            (None, Code::Ok | Code::Cancelled) | (Some(RequestFault::Lost), Code::Ok) => return None,
            (Some(RequestFault::Lost), _) => return Some(Status::cancelled("the request ended early")),
            (None, Code::Unimplemented) if headers.contains_key(ACCEPTED_ENCODINGS) => {
                MalformedRequest::CompressedMessage
            }
            (None, Code::Unimplemented) => MalformedRequest::UnknownMethod,
            // The library's code for what it cannot decode. At the end of a stream it is what it cannot encode.
            (None, Code::Internal) if !is_stream.0 => MalformedRequest::UndecodableMessage,
            // Reflection's, of a message without a question.
            (None, Code::InvalidArgument) => MalformedRequest::UndecodableMessage,
            (None, Code::OutOfRange) => {
                counters.oversized_messages.add_one();
                record.set_reason("message_too_large");
                return Some(status_of_oversized_message(request_id));
            }
            (None, Code::NotFound) => {
                record.set_reason("unknown_name");
                return Some(status_of_unknown_name(request_id));
            }
            (None, _) => return Some(status_of_library_fault(code, request_id)),
        };
        Some(refuse_malformed(malformed, record, counters))
    }
}

/// The body of an answer whose status comes last.
struct ExplainedBody {
    body: Body,
    explaining: Explaining,
}

impl HttpBody for ExplainedBody {
    type Data = <Body as HttpBody>::Data;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let trailers = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.trailers_ref());
        let explained = trailers.and_then(|trailers| self.explaining.explain(trailers, IsStream(true)));
        let Some(status) = explained else { return Poll::Ready(frame) };
        let mut trailers = HeaderMap::new();
        Poll::Ready(Some(status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http_body_util::{BodyExt, Full, StreamBody};
    use tonic_types::StatusExt;
    use tower::{ServiceExt, service_fn};

    use super::*;

    const ONE_MESSAGE: &[u8] = b"\0\0\0\0\x01a";

    /// What becomes of a status, and the reason in the log.
    async fn explained(path: &str, sent: &'static [u8], status: Status) -> (Status, Option<&'static str>) {
        let counters = Arc::default();
        let service = StatusReasonLayer::new(counters).layer(service_fn(move |request: Request<Body>| {
            let status = status.clone();
            async move {
                let _read_or_not = request.into_body().collect().await;
                Ok::<_, Infallible>(status.into_http())
            }
        }));
        let record = CallRecord::default();
        let body = Body::new(Full::new(Bytes::from_static(sent)));
        let request = Request::builder().uri(path).extension(record.clone()).body(body).unwrap();
        let answer = service.oneshot(request).await.unwrap();
        let status = Status::from_header_map(answer.headers()).unwrap();
        if let Some(about) = status.get_details_request_info() {
            assert_eq!(about.request_id, record.request_id().as_str());
        }
        (status, record.reason())
    }

    fn compressed() -> Status {
        let mut status = Status::unimplemented("x");
        status.metadata_mut().insert(ACCEPTED_ENCODINGS, "identity".parse().unwrap());
        status
    }

    #[tokio::test]
    async fn every_status_of_the_library_gets_its_code_and_reason() {
        const PATH: &str = "/accessbroker.v1.AccessBrokerService/IssueDownloadUrl";
        for (status, code, reason, logged) in [
            (Status::internal("invalid varint"), Code::InvalidArgument, "REQUEST_INVALID", "undecodable_message"),
            (Status::unimplemented(""), Code::Unimplemented, "METHOD_UNKNOWN", "unknown_method"),
            (compressed(), Code::Unimplemented, "COMPRESSION_NOT_SUPPORTED", "compressed_message"),
            (Status::out_of_range("x"), Code::ResourceExhausted, "MESSAGE_TOO_LARGE", "message_too_large"),
            (Status::not_found("x"), Code::NotFound, "NAME_UNKNOWN", "unknown_name"),
        ] {
            let (status, found) = explained(PATH, ONE_MESSAGE, status).await;
            assert_eq!((status.code(), found), (code, Some(logged)));
            assert_eq!(status.get_details_error_info().unwrap().reason, reason);
            assert_eq!(status.metadata().contains_key(ACCEPTED_ENCODINGS), logged == "compressed_message");
        }
        let (fault, _) = explained(PATH, ONE_MESSAGE, Status::data_loss("x")).await;
        assert_eq!((fault.code(), fault.message()), (Code::Internal, "the broker failed; its log says more"));
        // What the framing shows is more than the library says.
        let (none, logged) = explained(PATH, b"", Status::internal("Missing request message.")).await;
        assert_eq!((none.code(), logged), (Code::Unimplemented, Some("no_message")));
        assert_eq!(none.get_details_error_info().unwrap().reason, "MESSAGE_COUNT_INVALID");
    }

    #[tokio::test]
    async fn a_status_with_details_and_a_cancelled_call_stay_as_they_are() {
        let details = Status::with_details(Code::Internal, "ours", Bytes::from_static(b"\x08\x0d"));
        assert_eq!(explained("/x/y", ONE_MESSAGE, details).await.0.message(), "ours");
        let (cancelled, logged) = explained("/x/y", ONE_MESSAGE, Status::cancelled("gone")).await;
        assert_eq!((cancelled.code(), cancelled.details(), logged), (Code::Cancelled, &[][..], None));
    }

    #[tokio::test]
    async fn the_status_at_the_end_of_a_stream_gets_its_reason() {
        let service = StatusReasonLayer::new(Arc::default()).layer(service_fn(|_: Request<Body>| async {
            let mut trailers = HeaderMap::new();
            Status::not_found("symbol 'x' not found").add_header(&mut trailers).unwrap();
            let frames = [Ok::<_, Status>(Frame::data(Bytes::from_static(b"x"))), Ok(Frame::trailers(trailers))];
            Ok::<_, Infallible>(Response::new(Body::new(StreamBody::new(tokio_stream::iter(frames)))))
        }));
        let request = Request::builder().uri("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
        let answer = service.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let read = answer.into_body().collect().await.unwrap();
        let status = Status::from_header_map(read.trailers().unwrap()).unwrap();
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(status.get_details_error_info().unwrap().reason, "NAME_UNKNOWN");
        assert!(status.get_details_request_info().is_some());
        assert_eq!(read.to_bytes(), &b"x"[..]);
    }
}
