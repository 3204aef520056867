//! Downloads.

use super::answers::{expiry_limit, signed_request, stored_object, timestamp};
use super::fields::{content_disposition, endpoint_name, header_text, lifetime_request, object_reference};
use crate::broker::{DownloadRequest, Existence, IssuedDownload};
use crate::contract::proto;
use crate::contract::violations::Violations;
use access_broker_policy::{
    AccessRequest, BucketName, FieldViolation, HeaderText, RequestedDownload, ResponseOverride,
};
use access_broker_s3::presign::PresignedDownload;

/// Checks a download request. `sole_bucket` is the bucket that an empty name means.
pub(in crate::contract) fn download_request(
    message: proto::IssueDownloadUrlRequest,
    sole_bucket: Option<&BucketName>,
) -> Result<DownloadRequest, Vec<FieldViolation>> {
    let proto::IssueDownloadUrlRequest {
        bucket,
        key,
        ttl,
        require_full_ttl,
        version_id,
        response_overrides,
        endpoint,
        must_exist,
        pin_version,
        stable,
    } = message;
    let mut violations = Violations::default();
    let object = object_reference(&bucket, &key, sole_bucket, &mut violations);
    let lifetime = lifetime_request(ttl, require_full_ttl, stable, &mut violations);
    let endpoint = endpoint_name(endpoint, &mut violations);
    let terms = RequestedDownload {
        version_id: header_text("version_id", version_id, &mut violations),
        response_overrides: response_overrides
            .map(|overrides| response_overrides_of(overrides, &mut violations))
            .unwrap_or_default(),
    };
    let existence = match (must_exist, pin_version) {
        (_, true) => Existence::Pinned,
        (true, false) => Existence::Required,
        (false, false) => Existence::Unknown,
    };
    let access = object.map(|object| AccessRequest { object, endpoint, lifetime, terms });
    violations.into_result(access.map(|access| DownloadRequest { access, existence }))
}

fn response_overrides_of(
    message: proto::ResponseOverrides,
    violations: &mut Violations,
) -> Vec<(ResponseOverride, HeaderText)> {
    let proto::ResponseOverrides {
        cache_control,
        content_disposition: raw_disposition,
        content_encoding,
        content_language,
        content_type,
        expires,
        disposition,
    } = message;
    let cache_control = header_text("response_overrides.cache_control", cache_control, violations);
    let disposition = content_disposition(
        "response_overrides.content_disposition",
        raw_disposition,
        "response_overrides.disposition",
        disposition,
        violations,
    );
    let content_encoding = header_text("response_overrides.content_encoding", content_encoding, violations);
    let content_language = header_text("response_overrides.content_language", content_language, violations);
    let content_type = header_text("response_overrides.content_type", content_type, violations);
    let expires = expires.and_then(|expires| http_date(&expires, violations));
    [
        (ResponseOverride::CacheControl, cache_control),
        (ResponseOverride::ContentDisposition, disposition),
        (ResponseOverride::ContentEncoding, content_encoding),
        (ResponseOverride::ContentLanguage, content_language),
        (ResponseOverride::ContentType, content_type),
        (ResponseOverride::Expires, expires),
    ]
    .into_iter()
    .filter_map(|(header, text)| Some((header, text?)))
    .collect()
}

/// S3 refuses an `Expires` that is not a date.
fn http_date(text: &str, violations: &mut Violations) -> Option<HeaderText> {
    let is_date = httpdate::parse_http_date(text).is_ok_and(|date| httpdate::fmt_http_date(date) == text);
    let rule = "must be a date such as \"Fri, 24 May 2030 00:00:00 GMT\"";
    violations.take("response_overrides.expires", HeaderText::parse(text).ok().filter(|_| is_date).ok_or(rule))
}

/// The answer to a download request.
pub(in crate::contract) fn download_response(issued: IssuedDownload) -> proto::IssueDownloadUrlResponse {
    let IssuedDownload { signed: PresignedDownload { get, head, expiry }, object, tier, endpoint, decision_id } =
        issued;
    proto::IssueDownloadUrlResponse {
        get: Some(signed_request(get)),
        head: Some(signed_request(head)),
        expires_at: Some(timestamp(expiry.at)),
        expiry_limited_by: expiry_limit(expiry.limited_by).into(),
        tier: tier.to_string(),
        decision_id: decision_id.to_string(),
        endpoint: endpoint.to_string(),
        object: object.map(stored_object),
    }
}
