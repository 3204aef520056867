//! Verifications of uploads.

use super::answers::stored_object;
use super::fields::{checksum_of, content_disposition, header_text, object_reference};
use super::stored_values::{content_encoding_of, metadata_of, storage_class_of, tags_of};
use crate::broker::{DecisionId, Expectations, Verification, VerificationRequest};
use crate::contract::proto;
use crate::contract::violations::Violations;
use access_broker_policy::{BucketName, EntityTag, FieldViolation};

/// Checks a request to verify an upload. `sole_bucket` is the bucket that an empty name means.
pub(in crate::contract) fn verification_request(
    message: proto::VerifyUploadRequest,
    sole_bucket: Option<&BucketName>,
) -> Result<VerificationRequest, Vec<FieldViolation>> {
    let proto::VerifyUploadRequest {
        bucket,
        key,
        version_id,
        decision_id,
        content_length,
        content_type,
        checksum,
        etag,
        metadata,
        content_disposition: raw_disposition,
        content_encoding,
        cache_control,
        tags,
        storage_class,
        disposition,
        nothing_else,
    } = message;
    let mut violations = Violations::default();
    let found = &mut violations;
    let object = object_reference(&bucket, &key, sole_bucket, found);
    let version_id = header_text("version_id", version_id, found);
    let decision_rule = "must be the decision_id from the answer to an upload request";
    let expected = Expectations {
        decision_id: decision_id.and_then(|id| found.take("decision_id", DecisionId::parse(&id).ok_or(decision_rule))),
        content_length,
        content_type: header_text("content_type", content_type, found),
        checksum: checksum.and_then(|checksum| checksum_of(checksum, found)),
        etag: etag.and_then(|etag| found.take("etag", EntityTag::parse(&etag))),
        metadata: metadata_of(metadata, found),
        content_disposition: content_disposition(
            "content_disposition",
            raw_disposition,
            "disposition",
            disposition,
            found,
        ),
        content_encoding: content_encoding_of(content_encoding, found),
        cache_control: header_text("cache_control", cache_control, found),
        tags: tags_of(tags, found),
        storage_class: storage_class_of(storage_class, found),
        nothing_else,
    };
    violations.into_result(object.map(|object| VerificationRequest { object, version_id, expected }))
}

/// The answer to a request to verify an upload.
pub(in crate::contract) fn verification_response(verification: Verification) -> proto::VerifyUploadResponse {
    let as_expected = verification.as_expected();
    let Verification { object, mismatches, unknown, tier, decision_id } = verification;
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    proto::VerifyUploadResponse {
        object: Some(stored_object(object)),
        as_expected,
        mismatches: owned(mismatches),
        unknown: owned(unknown),
        tier: tier.to_string(),
        decision_id: decision_id.to_string(),
    }
}
