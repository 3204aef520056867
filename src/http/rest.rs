//! JSON by the contract's annotations: answers, and failures as `google.rpc.Status`.

use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::answer::{AnswerBody, JSON, answer, empty};
use crate::calls::{Cause, Code, Failure, Reason};
use crate::contract::{json, proto, rpc_status};

/// Redirects to a signed download. A client that follows it sends no header of its own choice, so the URL must need none.
pub(super) fn redirect(issued: &proto::IssueDownloadUrlResponse) -> Result<Response<AnswerBody>, Failure> {
    let get = issued.get.as_ref().filter(|get| get.headers.is_empty());
    let location = get.and_then(|get| HeaderValue::from_str(&get.url).ok()).ok_or_else(|| Failure {
        text: "redirect cannot be used: the URL of this bucket requires headers".into(),
        ..Failure::from(Reason::RequestInvalid)
    })?;
    let mut answer = empty(StatusCode::TEMPORARY_REDIRECT, Code::Ok);
    answer.headers_mut().insert(LOCATION, location);
    Ok(answer)
}

/// The answer for a failure.
pub(super) fn failure(failure: &Failure, request_id: &str) -> Response<AnswerBody> {
    let mut answer = answer(status_of(failure), failure.reason().code(), JSON, status_json(failure, request_id));
    add_failure_headers(answer.headers_mut(), failure);
    answer
}

/// A failure as the JSON of `google.rpc.Status`.
pub(super) fn status_json(failure: &Failure, request_id: &str) -> Vec<u8> {
    let status = rpc_status(failure, request_id);
    json::status_json(status.details()).unwrap_or_else(|error| {
        tracing::error!(%error, "writing the details of a failure failed");
        serde_json::json!({ "code": failure.reason().code() as i32, "message": failure.text }).to_string().into_bytes()
    })
}

/// The status of plain HTTP.
pub(super) fn status_of(failure: &Failure) -> StatusCode {
    let status = failure.cause.map_or(failure.reason().http_status(), Cause::http_status);
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// When to try again.
pub(super) fn add_failure_headers(headers: &mut HeaderMap, failure: &Failure) {
    if let Some(retry_after) = failure.retry_after {
        // Whole seconds, rounded up: earlier would be refused again.
        let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
}
