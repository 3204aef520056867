//! Whether the head of a request is that of a known method. HTTP requests other than gRPC get an answer in plain HTTP.

use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

use crate::calls::{CallMethod, MalformedRequest};

/// Marks a plain HTTP answer, which has no gRPC status. In its extensions.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlainHttp;

/// Why the head of a request is malformed.
pub(super) fn judge<B>(method: CallMethod, request: &Request<B>) -> Option<MalformedRequest> {
    if *request.method() != Method::POST {
        Some(MalformedRequest::NotPost)
    } else if !is_grpc(request.headers()) {
        Some(MalformedRequest::NotGrpc)
    } else if method == CallMethod::Unknown {
        // A load balancer's probe without a token gets the code that it expects.
        Some(MalformedRequest::UnknownMethod)
    } else {
        None
    }
}

/// Whether the single content type is gRPC with protobuf, with any parameters. Others with that prefix are other
/// protocols, such as `application/grpc-web`, or other encodings.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let media_type = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    [&b"application/grpc"[..], b"application/grpc+proto"].iter().any(|grpc| media_type.eq_ignore_ascii_case(grpc))
}

/// The answer to requests other than gRPC, for gRPC clients and others (gRPC over HTTP/2, "Requests").
pub(super) fn plain_answer(malformed: MalformedRequest) -> Option<Response<&'static str>> {
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
    answer.extensions_mut().insert(PlainHttp);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge<B>(request: &Request<B>) -> Option<MalformedRequest> {
        super::judge(CallMethod::from_path(request.uri().path()), request)
    }

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
