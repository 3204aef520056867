//! Uploads.

use super::answers::{expiry_limit, signed_request, timestamp};
use super::fields::{checksum_of, content_disposition, endpoint_name, header_text, lifetime_request, object_reference};
use super::stored_values::{content_encoding_of, metadata_of, storage_class_of, tags_of};
use crate::broker::{IssuedUpload, UploadRequest};
use crate::contract::proto;
use crate::contract::violations::Violations;
use access_broker_policy::{AccessRequest, BucketName, EntityTag, FieldViolation, RequestedUpload};
use access_broker_s3::presign::PresignedUpload;

/// Checks an upload request. `sole_bucket` is the bucket that an empty name means.
pub(in crate::contract) fn upload_request(
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
    let terms = RequestedUpload {
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
        content_encoding: content_encoding_of(content_encoding, found),
        metadata: metadata_of(metadata, found),
        tags: tags_of(tags, found),
        storage_class: storage_class_of(storage_class, found),
    };
    violations.into_result(object.map(|object| AccessRequest { object, endpoint, lifetime, terms }))
}

/// The answer to an upload request.
pub(in crate::contract) fn upload_response(issued: IssuedUpload) -> proto::IssueUploadUrlResponse {
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
