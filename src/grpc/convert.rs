//! Requests to domain types and results to answers: the only place that knows both.

use std::time::{Duration, SystemTime};

use prost_types::Timestamp;

use super::proto;
use super::violations::Violations;
use crate::broker::{DownloadRequest, Issued, UploadRequest};
use crate::policy::{
    BucketName, Checksum, ChecksumAlgorithm, DownloadTerms, ExpiryLimit, FieldViolation, HeaderText, LifetimeRequest,
    MAX_METADATA_BYTES, MetadataName, ObjectKey, ObjectReference, ResponseOverride, UploadTerms,
};
use crate::presign::{PresignedDownload, PresignedUpload, SignedRequest};

/// The longest TTL that can be asked for, in seconds: the limit of SigV4 query signatures.
const MAX_TTL_SECONDS: i64 = 604_800;

/// Checks a download request. `sole_bucket` is the bucket that an empty name means.
pub(super) fn download_request(
    message: proto::IssueDownloadUrlRequest,
    sole_bucket: Option<&BucketName>,
) -> Result<DownloadRequest, Vec<FieldViolation>> {
    let proto::IssueDownloadUrlRequest { bucket, key, ttl, require_full_ttl, version_id, response_overrides } = message;
    let mut violations = Violations::default();
    let object = object_reference(&bucket, &key, sole_bucket, &mut violations);
    let lifetime = lifetime_request(ttl, require_full_ttl, &mut violations);
    let terms = DownloadTerms {
        version_id: header_text("version_id", version_id, &mut violations),
        response_overrides: response_overrides
            .map(|overrides| response_overrides_of(overrides, &mut violations))
            .unwrap_or_default(),
    };
    violations.into_result(object.map(|object| DownloadRequest { object, lifetime, terms }))
}

/// Checks an upload request. `sole_bucket` is the bucket that an empty name means.
pub(super) fn upload_request(
    message: proto::IssueUploadUrlRequest,
    sole_bucket: Option<&BucketName>,
) -> Result<UploadRequest, Vec<FieldViolation>> {
    let proto::IssueUploadUrlRequest {
        bucket,
        key,
        ttl,
        require_full_ttl,
        content_type,
        content_length,
        checksum,
        create_only,
        metadata,
        content_disposition,
        content_encoding,
        cache_control,
    } = message;
    let mut violations = Violations::default();
    let object = object_reference(&bucket, &key, sole_bucket, &mut violations);
    let lifetime = lifetime_request(ttl, require_full_ttl, &mut violations);
    let terms = UploadTerms {
        content_type: header_text("content_type", content_type, &mut violations),
        content_length,
        checksum: checksum.and_then(|checksum| checksum_of(checksum, &mut violations)),
        create_only,
        cache_control: header_text("cache_control", cache_control, &mut violations),
        content_disposition: header_text("content_disposition", content_disposition, &mut violations),
        content_encoding: header_text("content_encoding", content_encoding, &mut violations),
        metadata: metadata_of(metadata, &mut violations),
    };
    violations.into_result(object.map(|object| UploadRequest { object, lifetime, terms }))
}

fn object_reference(
    bucket: &str,
    key: &str,
    sole_bucket: Option<&BucketName>,
    violations: &mut Violations,
) -> Option<ObjectReference> {
    let bucket = match (bucket, sole_bucket) {
        ("", Some(sole)) => Some(sole.clone()),
        ("", None) => {
            violations.add("bucket", "must be given, because there are several");
            None
        }
        (name, _) => violations.take("bucket", BucketName::parse(name)),
    };
    let key = violations.take("key", ObjectKey::parse(key));
    Some(ObjectReference { bucket: bucket?, key: key? })
}

fn lifetime_request(
    ttl: Option<prost_types::Duration>,
    require_full_ttl: bool,
    violations: &mut Violations,
) -> LifetimeRequest {
    let ttl = ttl.and_then(|ttl| match u64::try_from(ttl.seconds) {
        Ok(seconds) if (1..=MAX_TTL_SECONDS).contains(&ttl.seconds) && ttl.nanos == 0 => {
            Some(Duration::from_secs(seconds))
        }
        _ => {
            violations.add("ttl", "must be whole seconds, from 1 second to 7 days");
            None
        }
    });
    LifetimeRequest { ttl, require_full_ttl }
}

fn header_text(field: &'static str, text: Option<String>, violations: &mut Violations) -> Option<HeaderText> {
    violations.take(field, HeaderText::parse(&text?))
}

fn response_overrides_of(
    message: proto::ResponseOverrides,
    violations: &mut Violations,
) -> Vec<(ResponseOverride, HeaderText)> {
    let proto::ResponseOverrides {
        cache_control,
        content_disposition,
        content_encoding,
        content_language,
        content_type,
        expires,
    } = message;
    [
        (ResponseOverride::CacheControl, "response_overrides.cache_control", cache_control),
        (ResponseOverride::ContentDisposition, "response_overrides.content_disposition", content_disposition),
        (ResponseOverride::ContentEncoding, "response_overrides.content_encoding", content_encoding),
        (ResponseOverride::ContentLanguage, "response_overrides.content_language", content_language),
        (ResponseOverride::ContentType, "response_overrides.content_type", content_type),
        (ResponseOverride::Expires, "response_overrides.expires", expires),
    ]
    .into_iter()
    .filter_map(|(header, field, text)| Some((header, header_text(field, text, violations)?)))
    .collect()
}

fn checksum_of(message: proto::Checksum, violations: &mut Violations) -> Option<Checksum> {
    use proto::checksum::Value;
    let (algorithm, bytes) = match message.value {
        Some(Value::Crc32(bytes)) => (ChecksumAlgorithm::Crc32, bytes),
        Some(Value::Crc32c(bytes)) => (ChecksumAlgorithm::Crc32c, bytes),
        Some(Value::Crc64nvme(bytes)) => (ChecksumAlgorithm::Crc64Nvme, bytes),
        Some(Value::Md5(bytes)) => (ChecksumAlgorithm::Md5, bytes),
        Some(Value::Sha1(bytes)) => (ChecksumAlgorithm::Sha1, bytes),
        Some(Value::Sha256(bytes)) => (ChecksumAlgorithm::Sha256, bytes),
        None => {
            violations.add("checksum", "must hold the checksum of one of the known algorithms");
            return None;
        }
    };
    violations.take("checksum", Checksum::new(algorithm, &bytes))
}

fn metadata_of(
    message: impl IntoIterator<Item = (String, String)>,
    violations: &mut Violations,
) -> Vec<(MetadataName, HeaderText)> {
    let mut bytes = 0_usize;
    let mut metadata = Vec::new();
    for (name, value) in message {
        bytes = bytes.saturating_add(name.len()).saturating_add(value.len());
        let name = violations.take("metadata", MetadataName::parse(&name));
        let value = violations.take("metadata", HeaderText::parse(&value));
        metadata.extend(name.zip(value));
    }
    if bytes > MAX_METADATA_BYTES {
        violations.add("metadata", format!("must not hold more than {MAX_METADATA_BYTES} bytes of names and values"));
    }
    metadata.sort_by(|one, other| one.0.cmp(&other.0));
    metadata
}

/// The answer to a download request.
pub(super) fn download_response(issued: Issued<PresignedDownload>) -> proto::IssueDownloadUrlResponse {
    let Issued { signed: PresignedDownload { get, head, expiry }, tier, decision_id } = issued;
    proto::IssueDownloadUrlResponse {
        get: Some(signed_request(get)),
        head: Some(signed_request(head)),
        expires_at: Some(timestamp(expiry.at)),
        expiry_limited_by: expiry_limit(expiry.limited_by).into(),
        tier: tier.to_string(),
        decision_id: decision_id.to_string(),
    }
}

/// The answer to an upload request.
pub(super) fn upload_response(issued: Issued<PresignedUpload>) -> proto::IssueUploadUrlResponse {
    let Issued { signed: PresignedUpload { put, expiry }, tier, decision_id } = issued;
    proto::IssueUploadUrlResponse {
        put: Some(signed_request(put)),
        expires_at: Some(timestamp(expiry.at)),
        expiry_limited_by: expiry_limit(expiry.limited_by).into(),
        tier: tier.to_string(),
        decision_id: decision_id.to_string(),
    }
}

fn signed_request(signed: SignedRequest) -> proto::SignedRequest {
    proto::SignedRequest {
        method: signed.method.as_str().to_owned(),
        url: signed.url.into_string(),
        headers: signed.headers.into_iter().map(|(name, value)| (name.into_owned(), value)).collect(),
    }
}

fn timestamp(instant: SystemTime) -> Timestamp {
    Timestamp::from(instant)
}

const fn expiry_limit(limit: ExpiryLimit) -> proto::ExpiryLimit {
    match limit {
        ExpiryLimit::RequestedTtl => proto::ExpiryLimit::RequestedTtl,
        ExpiryLimit::TierDefaultTtl => proto::ExpiryLimit::TierDefaultTtl,
        ExpiryLimit::TierMaxTtl => proto::ExpiryLimit::TierMaxTtl,
        ExpiryLimit::TokenExpiry => proto::ExpiryLimit::TokenExpiry,
        ExpiryLimit::SigningCredentialsExpiry => proto::ExpiryLimit::SigningCredentialsExpiry,
    }
}
