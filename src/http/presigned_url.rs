//! The call `/presignedurl` of the Lambda function that the product replaces: `{"url": …}`, or `{"message": …}`.

use std::collections::BTreeMap;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde_json::json;

use super::answer::{AnswerBody, JSON, answer};
use super::rest;
use super::settings::PresignedUrlSettings;
use crate::calls::{Code, Failure};
use crate::contract::proto;

/// The only parameter of a GET.
pub(super) const KEY: &str = "key";

/// The scheme of RFC 6750.
const BEARER: &[u8] = b"Bearer ";

/// The download that a GET asks for.
pub(super) fn download(key: String, settings: &PresignedUrlSettings) -> proto::IssueDownloadUrlRequest {
    proto::IssueDownloadUrlRequest {
        bucket: settings.bucket.to_string(),
        key,
        ttl: prost_types::Duration::try_from(settings.ttl).ok(),
        ..proto::IssueDownloadUrlRequest::default()
    }
}

/// The upload that a POST asks for.
///
/// # Errors
///
/// When it has other members.
pub(super) fn upload(
    message: &proto::IssueUploadUrlRequest,
    settings: &PresignedUrlSettings,
) -> Result<proto::IssueUploadUrlRequest, &'static str> {
    let proto::IssueUploadUrlRequest { key, content_type, content_length, checksum, .. } = message.clone();
    let asked = proto::IssueUploadUrlRequest {
        key,
        content_type,
        content_length,
        checksum,
        ..proto::IssueUploadUrlRequest::default()
    };
    if asked != *message {
        return Err("the members of the body are key, content_type, content_length and checksum");
    }
    let ttl = prost_types::Duration::try_from(settings.ttl).ok();
    Ok(proto::IssueUploadUrlRequest { bucket: settings.bucket.to_string(), ttl, ..asked })
}

/// Adds `Bearer` to a token without it.
pub(super) fn complete_raw_token(headers: &mut HeaderMap) {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return };
    if value.as_bytes().contains(&b' ') {
        return;
    }
    if let Ok(mut complete) = HeaderValue::from_bytes(&[BEARER, value.as_bytes()].concat()) {
        complete.set_sensitive(true);
        headers.insert(AUTHORIZATION, complete);
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Issued<'a> {
    url: &'a str,
    method: &'a str,
    headers: &'a BTreeMap<String, String>,
    expires_at: Option<String>,
    expiry_limited_by: &'static str,
    tier: &'a str,
    decision_id: &'a str,
    endpoint: &'a str,
}

pub(super) fn issued_download(issued: &proto::IssueDownloadUrlResponse) -> Response<AnswerBody> {
    let get = issued.get.clone().unwrap_or_default();
    issued_answer(&Issued {
        url: &get.url,
        method: &get.method,
        headers: &get.headers,
        expires_at: issued.expires_at.as_ref().map(ToString::to_string),
        expiry_limited_by: issued.expiry_limited_by().as_str_name(),
        tier: &issued.tier,
        decision_id: &issued.decision_id,
        endpoint: &issued.endpoint,
    })
}

pub(super) fn issued_upload(issued: &proto::IssueUploadUrlResponse) -> Response<AnswerBody> {
    let put = issued.put.clone().unwrap_or_default();
    issued_answer(&Issued {
        url: &put.url,
        method: &put.method,
        headers: &put.headers,
        expires_at: issued.expires_at.as_ref().map(ToString::to_string),
        expiry_limited_by: issued.expiry_limited_by().as_str_name(),
        tier: &issued.tier,
        decision_id: &issued.decision_id,
        endpoint: &issued.endpoint,
    })
}

fn issued_answer(issued: &Issued<'_>) -> Response<AnswerBody> {
    // Texts and maps of texts can always be written.
    answer(StatusCode::OK, Code::Ok, JSON, serde_json::to_vec(issued).unwrap_or_default())
}

/// The answer for a failure. Invalid fields are in the message, because there are no details.
pub(super) fn failure(failure: &Failure, request_id: &str) -> Response<AnswerBody> {
    let violations = failure.violations.iter().map(|violation| format!("{} {}", violation.field, violation.rule));
    let message = match violations.collect::<Vec<_>>().join("; ") {
        violations if violations.is_empty() => failure.text.to_string(),
        violations => format!("{}: {violations}", failure.text),
    };
    let mut body = json!({ "message": message, "reason": failure.reason().name(), "requestId": request_id });
    if let Some(id) = failure.decision_id {
        body["decisionId"] = id.to_string().into();
    }
    let mut answer = answer(rest::status_of(failure), failure.reason().code(), JSON, body.to_string().into_bytes());
    rest::add_failure_headers(answer.headers_mut(), failure);
    answer
}
