//! Gives every status of the library a reason.
//!
//! Statuses of this program are made in [`status`](super::status) and have one. The gRPC library, its health and its
//! reflection answer some requests by themselves, with a code and a text only, and with `INTERNAL` for errors of
//! clients. One rule applies to all of them: a status without details is replaced by one of ours, by what is known of
//! the request, or else by the library's code.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};

use super::status::{ACCEPTED_ENCODINGS, neutral_code, status};
use crate::calls::{CallCounters, CallMethod, CallRecord, Cause, Failure, MalformedRequest, RequestFault, refuse};

/// The library's answer with a reason in its status, in its head or, for a stream, in its trailers.
pub(super) fn explain(
    answer: Response<Body>,
    method: CallMethod,
    record: &CallRecord,
    counters: &Arc<CallCounters>,
) -> Response<Body> {
    match explain_status(answer.headers(), IsStream(false), record, counters) {
        Some(status) => status.into_http(),
        // A unary answer with a message has the status `OK`.
        None if method.grpc_type() == "unary" => answer,
        None => {
            let (record, counters) = (record.clone(), Arc::clone(counters));
            answer.map(|body| Body::new(ExplainedBody { body, record, counters }))
        }
    }
}

/// The status of a call whose client ended its request early. No client reads it.
pub(super) fn status_of_lost_request() -> Status {
    Status::cancelled("the request ended early")
}

/// Whether a status is in the trailers of a stream of answers.
#[derive(Clone, Copy, PartialEq, Eq)]
struct IsStream(bool);

/// The status that replaces one without a reason.
fn explain_status(
    headers: &HeaderMap,
    is_stream: IsStream,
    record: &CallRecord,
    counters: &CallCounters,
) -> Option<Status> {
    let code = Code::from_bytes(headers.get(Status::GRPC_STATUS).map(HeaderValue::as_bytes)?);
    if headers.contains_key(Status::GRPC_STATUS_DETAILS) {
        return None;
    }
    let request_id = record.request_id().as_str();
    let cause = match (record.request_fault(), code) {
        // Reflection ends its stream with `OK` in this case.
        (Some(RequestFault::Malformed(malformed)), _) => Cause::Malformed(malformed),
        (None, Code::Ok | Code::Cancelled) | (Some(RequestFault::Lost), Code::Ok) => return None,
        (Some(RequestFault::Lost), _) => return Some(status_of_lost_request()),
        (None, Code::Unimplemented) if headers.contains_key(ACCEPTED_ENCODINGS) => {
            Cause::Malformed(MalformedRequest::CompressedMessage)
        }
        (None, Code::Unimplemented) => Cause::Malformed(MalformedRequest::UnknownMethod),
        // The library's code for what it cannot decode. At the end of a stream it is for what it cannot encode.
        (None, Code::Internal) if !is_stream.0 => Cause::Malformed(MalformedRequest::UndecodableMessage),
        // Reflection's code for a message without a question.
        (None, Code::InvalidArgument) => Cause::Malformed(MalformedRequest::UndecodableMessage),
        (None, Code::OutOfRange) => Cause::MessageTooLarge,
        (None, Code::NotFound) => Cause::UnknownName,
        (None, _) => {
            tracing::error!(
                request_id,
                code = neutral_code(code).name(),
                "call failed: the gRPC library answered with an unexpected status"
            );
            return Some(status(&Failure::internal_fault(), request_id));
        }
    };
    Some(status(&refuse(cause, record, counters), request_id))
}

/// The body of an answer with its status in the trailers.
struct ExplainedBody {
    body: Body,
    record: CallRecord,
    counters: Arc<CallCounters>,
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
        let explained =
            trailers.and_then(|trailers| explain_status(trailers, IsStream(true), &self.record, &self.counters));
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
    use http::Request;
    use http_body_util::{BodyExt, Full, StreamBody};
    use tokio_util::sync::CancellationToken;
    use tonic_types::StatusExt;
    use tower::service_fn;

    use super::*;
    use crate::calls::{Admitted, Wire};
    use crate::grpc::wire::{GrpcWire, Services};

    const ONE_MESSAGE: &[u8] = b"\0\0\0\0\x01a";

    /// What a status of the services is replaced by, and the reason in the log.
    async fn explained(path: &str, sent: &'static [u8], status: Status) -> (Status, Option<&'static str>) {
        let services = service_fn(move |request: Request<Body>| {
            let status = status.clone();
            async move {
                let _read_or_not = request.into_body().collect().await;
                Ok::<_, Infallible>(status.into_http())
            }
        });
        let record = CallRecord::untraced();
        let answer = answer_of(services, path, sent, &record).await;
        let status = Status::from_header_map(answer.headers()).unwrap();
        if let Some(about) = status.get_details_request_info() {
            assert_eq!(about.request_id, record.request_id().as_str());
        }
        (status, record.cause().map(Cause::name))
    }

    /// The answer of these services to a call that needs no caller.
    async fn answer_of(
        services: impl Services,
        path: &str,
        sent: &'static [u8],
        record: &CallRecord,
    ) -> Response<Body> {
        let wire = GrpcWire { services, end: CancellationToken::new(), counters: Arc::default() };
        let request = Request::builder().uri(path).body(Body::new(Full::new(Bytes::from_static(sent)))).unwrap();
        let method = wire.method(&request);
        let (head, body) = request.into_parts();
        let body = wire.watch(method, &head.headers, body, record);
        wire.serve(method, Admitted::WithoutCaller { head, body }, record).await
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
        assert_eq!((fault.code(), fault.message()), (Code::Internal, "the broker failed; its log has the cause"));
        // The framing shows more than the library's code.
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
        let services = service_fn(|_: Request<Body>| async {
            let mut trailers = HeaderMap::new();
            Status::not_found("symbol 'x' not found").add_header(&mut trailers).unwrap();
            let frames = [Ok::<_, Status>(Frame::data(Bytes::from_static(b"x"))), Ok(Frame::trailers(trailers))];
            Ok::<_, Infallible>(Response::new(Body::new(StreamBody::new(tokio_stream::iter(frames)))))
        });
        let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
        let answer = answer_of(services, path, b"", &CallRecord::untraced()).await;
        let read = answer.into_body().collect().await.unwrap();
        let status = Status::from_header_map(read.trailers().unwrap()).unwrap();
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(status.get_details_error_info().unwrap().reason, "NAME_UNKNOWN");
        assert!(status.get_details_request_info().is_some());
        assert_eq!(read.to_bytes(), &b"x"[..]);
    }
}
