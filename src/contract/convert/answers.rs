//! Parts that several answers have.

use std::time::SystemTime;

use prost_types::Timestamp;

use crate::contract::proto;
use access_broker_policy::{Checksum, ChecksumAlgorithm, ExpiryLimit};
use access_broker_s3::presign::SignedRequest;
use access_broker_s3::storage::StoredObject;

pub(super) fn signed_request(signed: SignedRequest) -> proto::SignedRequest {
    proto::SignedRequest {
        method: signed.method.as_str().to_owned(),
        url: signed.url.into_string(),
        headers: signed.headers.into_iter().map(|(name, value)| (name.into_owned(), value)).collect(),
    }
}

pub(super) fn timestamp(instant: SystemTime) -> Timestamp {
    Timestamp::from(instant)
}

pub(super) const fn expiry_limit(limit: ExpiryLimit) -> proto::ExpiryLimit {
    match limit {
        ExpiryLimit::RequestedTtl => proto::ExpiryLimit::RequestedTtl,
        ExpiryLimit::TierDefaultTtl => proto::ExpiryLimit::TierDefaultTtl,
        ExpiryLimit::TierMaxTtl => proto::ExpiryLimit::TierMaxTtl,
        ExpiryLimit::TokenExpiry => proto::ExpiryLimit::TokenExpiry,
        ExpiryLimit::SigningCredentialsExpiry => proto::ExpiryLimit::SigningCredentialsExpiry,
    }
}

pub(super) fn stored_object(object: StoredObject) -> proto::StoredObject {
    let storage_class = object.storage_class().to_owned();
    proto::StoredObject {
        size: object.size.unwrap_or_default(),
        etag: object.etag,
        version_id: object.version_id,
        content_type: object.content_type,
        last_modified: object.last_modified.map(timestamp),
        checksums: object.checksums.iter().map(checksum).collect(),
        encryption: object.encryption,
        kms_key_id: object.kms_key_id,
        bucket_key: object.bucket_key,
        storage_class,
        metadata: object.metadata.entries.into_iter().collect(),
        cache_control: object.cache_control,
        content_disposition: object.content_disposition,
        content_encoding: object.content_encoding,
        content_language: object.content_language,
        expires: object.expires,
        website_redirect_location: object.website_redirect_location,
        decision_id: object.decision_id,
        object_lock_mode: object.object_lock_mode,
        legal_hold: object.legal_hold,
        tags: object.tags.into_iter().flatten().collect(),
    }
}

fn checksum(checksum: &Checksum) -> proto::Checksum {
    use proto::checksum::Value;
    let bytes = checksum.bytes().to_vec();
    let value = match checksum.algorithm() {
        ChecksumAlgorithm::Crc32 => Value::Crc32(bytes),
        ChecksumAlgorithm::Crc32c => Value::Crc32c(bytes),
        ChecksumAlgorithm::Crc64Nvme => Value::Crc64nvme(bytes),
        ChecksumAlgorithm::Md5 => Value::Md5(bytes),
        ChecksumAlgorithm::Sha1 => Value::Sha1(bytes),
        ChecksumAlgorithm::Sha256 => Value::Sha256(bytes),
    };
    proto::Checksum { value: Some(value) }
}
