//! Answers: their body, and the headers that all of them have.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Full;
use tonic::body::Body;

use super::rest;
use crate::calls::{Code, Failure, Reason};

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The body of an answer, with the code that it reports.
#[derive(Debug, Default)]
pub(super) struct AnswerBody {
    bytes: Bytes,
    code: Option<Code>,
    has_ended: bool,
}

impl AnswerBody {
    /// The code, once the whole body was handed over.
    pub(super) const fn code_at_end(&self) -> Option<Code> {
        if self.has_ended { self.code } else { None }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.has_ended = true;
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

/// An answer with this status, content type and body, which reports this code.
pub(super) fn answer(
    status: StatusCode,
    code: Code,
    content_type: HeaderValue,
    bytes: impl Into<Bytes>,
) -> Response<AnswerBody> {
    let mut answer = empty(status, code);
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer.body_mut().bytes = bytes.into();
    if code == Code::Ok {
        // It is delivered only with its whole body.
        answer.extensions_mut().remove::<HeadCode>();
    }
    answer
}

pub(super) fn empty(status: StatusCode, code: Code) -> Response<AnswerBody> {
    let mut answer = Response::new(AnswerBody { bytes: Bytes::new(), code: Some(code), has_ended: false });
    *answer.status_mut() = status;
    answer.extensions_mut().insert(HeadCode(code));
    answer
}

/// The code of an answer that its head alone reports.
pub(super) fn code_of_head<B>(answer: &Response<B>) -> Option<Code> {
    answer.extensions().get().map(|HeadCode(code)| *code)
}

/// Marks an answer that reports its code by its status. In its extensions.
#[derive(Debug, Clone, Copy)]
struct HeadCode(Code);

/// An answer can hold a URL that gives access, and depends on the caller.
pub(super) fn add_common_headers(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Authorization, Origin"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// The answer to a stream that is refused before its call is read: it has no id and no access line.
pub(crate) fn refusal_of_stream() -> Response<Body> {
    let mut answer = rest::failure(&Failure::from(Reason::Overloaded), "").map(|body| Body::new(Full::new(body.bytes)));
    add_common_headers(answer.headers_mut());
    answer
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn the_code_is_known_when_the_whole_body_was_handed_over() {
        let mut answer = answer(StatusCode::OK, Code::Ok, JSON, b"{}".to_vec());
        assert_eq!((answer.body().code_at_end(), code_of_head(&answer)), (None, None));
        assert_eq!(answer.body_mut().frame().await.unwrap().unwrap().into_data().unwrap(), &b"{}"[..]);
        assert!(answer.body().is_end_stream());
        assert_eq!(answer.body().code_at_end(), Some(Code::Ok));
        let empty = empty(StatusCode::NO_CONTENT, Code::Ok);
        assert_eq!(code_of_head(&empty), Some(Code::Ok));
    }
}
