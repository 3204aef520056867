//! Answers what is no call of a method here: HTTP that is not gRPC, and paths that no method has.
//!
//! It stands in front of authentication. The list of methods is public, in the contract, so that the answers tell nothing
//! new. A load balancer's probe without a token gets the code that it expects.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use tokio_util::either::Either;
use tonic::Code;
use tonic::body::Body;
use tower::{Layer, Service};

use super::status::status_without_connection;
use crate::admission::{OpenStream, UnprovenKind};
use crate::calls::call_counters::CallCounters;
use crate::calls::malformed::MalformedRequest;
use crate::calls::method::CallMethod;
use crate::calls::record::CallRecord;
use crate::calls::refusal::{note_malformed, refuse_malformed};

/// The code of an answer that is plain HTTP, for log and metrics. In the extensions of such an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlainHttp {
    pub(crate) code: Code,
}

/// Lets pass what is a call of a method here. Everything else takes a place among the streams without a proof.
#[derive(Debug, Clone)]
pub struct CallFormLayer {
    counters: Arc<CallCounters>,
}

impl CallFormLayer {
    /// A layer that counts here.
    #[must_use]
    pub const fn new(counters: Arc<CallCounters>) -> Self {
        Self { counters }
    }

    fn refuse<B>(&self, malformed: MalformedRequest, request: &Request<B>) -> Response<Body> {
        let record = request.extensions().get::<CallRecord>().cloned().unwrap_or_default();
        let Some(stream) = request.extensions().get::<Arc<OpenStream>>() else {
            return status_without_connection(record.request_id().as_str()).into_http();
        };
        let place = stream.take_unproven(UnprovenKind::Other).map(drop);
        match (plain_answer(malformed), place) {
            (Some(answer), place) => {
                note_malformed(malformed, &record, &self.counters);
                // An answer without a body needs no room at the client. HEAD has none either (RFC 9110 section 9.3.2).
                let is_bare = place.is_err() || *request.method() == Method::HEAD;
                answer.map(|text| if is_bare { Body::empty() } else { Body::new(Full::from(text)) })
            }
            // A status without a message needs no room either, and a refusal for lack of a place would be one, too.
            (None, _) => refuse_malformed(malformed, &record, &self.counters).into_http(),
        }
    }
}

/// What is wrong with the head of a request.
fn judge<B>(request: &Request<B>) -> Option<MalformedRequest> {
    if *request.method() != Method::POST {
        Some(MalformedRequest::NotPost)
    } else if !is_grpc(request.headers()) {
        Some(MalformedRequest::NotGrpc)
    } else if CallMethod::of_path(request.uri().path()) == CallMethod::Unknown {
        Some(MalformedRequest::UnknownMethod)
    } else {
        None
    }
}

/// Whether the one content type is gRPC's with protobuf, whatever its parameters are. Others with that beginning are
/// other protocols, such as `application/grpc-web`, or other encodings.
fn is_grpc(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let media_type = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    [&b"application/grpc"[..], b"application/grpc+proto"].iter().any(|grpc| media_type.eq_ignore_ascii_case(grpc))
}

/// The answer to what is not gRPC, which gRPC clients and others understand (gRPC over HTTP/2, "Requests").
fn plain_answer(malformed: MalformedRequest) -> Option<Response<&'static str>> {
    let (status, text) = match malformed {
        MalformedRequest::NotPost => {
            (StatusCode::METHOD_NOT_ALLOWED, "this port speaks gRPC: the HTTP method of every call is POST\n")
        }
        MalformedRequest::NotGrpc => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "this port speaks gRPC: the content-type of every call is application/grpc or application/grpc+proto\n",
        ),
        _ => return None,
    };
    let mut answer = Response::new(text);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    answer.extensions_mut().insert(PlainHttp { code: Code::InvalidArgument });
    Some(answer)
}

impl<S> Layer<S> for CallFormLayer {
    type Service = CallForm<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CallForm { inner, layer: self.clone() }
    }
}

/// The service that [`CallFormLayer`] makes.
#[derive(Debug, Clone)]
pub struct CallForm<S> {
    inner: S,
    layer: CallFormLayer,
}

impl<S> Service<Request<Body>> for CallForm<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match judge(&request) {
            None => Either::Left(self.inner.call(request)),
            Some(malformed) => Either::Right(ready(Ok(self.layer.refuse(malformed, &request)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &str = "/accessbroker.v1.AccessBrokerService/IssueDownloadUrl";

    fn request(method: Method, path: &str, content_types: &[&str]) -> Request<()> {
        let request = Request::builder().method(method).uri(path);
        let request = content_types.iter().fold(request, |request, value| request.header(CONTENT_TYPE, *value));
        request.body(()).unwrap()
    }

    #[test]
    fn only_the_content_types_of_grpc_with_protobuf_pass() {
        for good in [
            "application/grpc",
            "application/grpc+proto",
            "Application/GRPC",
            "application/grpc; charset=utf-8",
            "application/grpc+proto;x=y",
            "application/grpc ; a=b",
        ] {
            assert_eq!(judge(&request(Method::POST, KNOWN, &[good])), None, "{good}");
        }
        for bad in [
            &[][..],
            &[""],
            &["application/json"],
            &["application/grpc-web"],
            &["application/grpc-web+proto"],
            &["application/grpc-web-text"],
            &["application/grpc+json"],
            &["application/grpcx"],
            &["application/grp"],
            &["text/plain"],
            &["application/grpc, application/grpc"],
            &["application/grpc", "application/grpc"],
        ] {
            assert_eq!(judge(&request(Method::POST, KNOWN, bad)), Some(MalformedRequest::NotGrpc), "{bad:?}");
        }
    }

    #[test]
    fn the_method_of_http_comes_first_and_the_path_last() {
        let of = |method, path, types: &[&str]| judge(&request(method, path, types));
        assert_eq!(of(Method::GET, "/x", &["text/plain"]), Some(MalformedRequest::NotPost));
        assert_eq!(of(Method::OPTIONS, KNOWN, &["application/grpc"]), Some(MalformedRequest::NotPost));
        assert_eq!(of(Method::POST, "/x", &["text/plain"]), Some(MalformedRequest::NotGrpc));
        let probe = "/AWS.ALB/healthcheck";
        assert_eq!(of(Method::POST, probe, &["application/grpc"]), Some(MalformedRequest::UnknownMethod));
    }

    #[test]
    fn only_what_is_not_grpc_is_answered_in_plain_http() {
        let statuses = MalformedRequest::ALL.map(|malformed| {
            plain_answer(malformed).map(|answer| {
                let text = answer.body();
                assert!(text.ends_with('\n') && text.len() < 120, "{text}");
                answer.status().as_u16()
            })
        });
        assert_eq!(statuses.into_iter().flatten().collect::<Vec<_>>(), [405, 415]);
    }
}
