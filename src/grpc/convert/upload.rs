//! Uploads.

use super::answers::{expiry_limit, signed_request, timestamp};
use super::fields::{checksum_of, content_disposition, endpoint_name, header_text, lifetime_request, object_reference};
use crate::broker::{IssuedUpload, UploadRequest};
use crate::grpc::proto;
use crate::grpc::violations::Violations;
use crate::policy::{
    AccessRequest, BucketName, EntityTag, FieldViolation, HeaderText, MAX_METADATA_BYTES, MAX_TAGS, MetadataName,
    ObjectTags, StorageClass, UploadTerms,
};
use crate::presign::PresignedUpload;

/// Checks an upload request. `sole_bucket` is the bucket that an empty name means.
pub(in crate::grpc) fn upload_request(
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
        content_disposition: raw_disposition,
        content_encoding,
        cache_control,
        endpoint,
        if_match,
        tags,
        storage_class,
        disposition,
    } = message;
    let mut violations = Violations::default();
    let found = &mut violations;
    let object = object_reference(&bucket, &key, sole_bucket, found);
    let lifetime = lifetime_request(ttl, require_full_ttl, false, found);
    let endpoint = endpoint_name(endpoint, found);
    let terms = UploadTerms {
        content_type: header_text("content_type", content_type, found),
        content_length,
        checksum: checksum.and_then(|checksum| checksum_of(checksum, found)),
        create_only,
        if_match: if_match.and_then(|etag| found.take("if_match", EntityTag::parse(&etag))),
        cache_control: header_text("cache_control", cache_control, found),
        content_disposition: content_disposition(
            "content_disposition",
            raw_disposition,
            "disposition",
            disposition,
            found,
        ),
        content_encoding: content_encoding.and_then(|encoding| content_encoding_of(&encoding, found)),
        metadata: metadata_of(metadata, found),
        tags: tags_of(tags, found),
        storage_class: storage_class.and_then(|name| storage_class_of(&name, found)),
        // These two are the tier's.
        encryption: None,
        record_decision: false,
    };
    violations.into_result(object.map(|object| AccessRequest { object, endpoint, lifetime, terms }))
}

/// `aws-chunked` would have S3 read the body as chunks with signatures of their own, and store something else than what
/// was promised.
fn content_encoding_of(text: &str, violations: &mut Violations) -> Option<HeaderText> {
    let is_chunked = text.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("aws-chunked"));
    if is_chunked {
        violations.add("content_encoding", "must not be aws-chunked, which is no encoding of the content");
        return None;
    }
    violations.take("content_encoding", HeaderText::parse(text))
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

fn tags_of(message: impl IntoIterator<Item = (String, String)>, violations: &mut Violations) -> ObjectTags {
    let mut tags = ObjectTags::default();
    for (name, value) in message {
        violations.take("tags", tags.insert(&name, &value));
    }
    if tags.len() > MAX_TAGS {
        violations.add("tags", format!("must not be more than {MAX_TAGS}"));
    }
    tags
}

fn storage_class_of(name: &str, violations: &mut Violations) -> Option<StorageClass> {
    let known = || format!("must be one of {}", StorageClass::ALL.map(StorageClass::name).join(", "));
    violations.take("storage_class", StorageClass::by_name(name).ok_or_else(known))
}

/// The answer to an upload request.
pub(in crate::grpc) fn upload_response(issued: IssuedUpload) -> proto::IssueUploadUrlResponse {
    let IssuedUpload { signed: PresignedUpload { put, expiry }, tier, endpoint, decision_id } = issued;
    proto::IssueUploadUrlResponse {
        put: Some(signed_request(put)),
        expires_at: Some(timestamp(expiry.at)),
        expiry_limited_by: expiry_limit(expiry.limited_by).into(),
        tier: tier.to_string(),
        decision_id: decision_id.to_string(),
        endpoint: endpoint.to_string(),
    }
}
