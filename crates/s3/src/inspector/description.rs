//! Makes the description of an object from S3's answers. Its size is limited.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_sdk_s3::operation::get_object_tagging::GetObjectTaggingOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ChecksumType, ObjectLockLegalHoldStatus, ObjectLockMode, ServerSideEncryption, StorageClass};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::storage::{StoredMetadata, StoredObject};
use access_broker_policy::{Checksum, ChecksumAlgorithm, DECISION_METADATA};

/// The longest text of a description, in bytes. The terms of an upload have at most half of it.
const MAX_TEXT_BYTES: usize = 2_048;

/// The most metadata of a description, names and values, in bytes. S3 permits an eighth of it.
const MAX_METADATA_BYTES: usize = 16 * 1_024;

pub(super) fn described(answer: &HeadObjectOutput) -> StoredObject {
    let metadata = answer.metadata().into_iter().flatten();
    let metadata: BTreeMap<String, &str> =
        metadata.map(|(name, value)| (name.to_ascii_lowercase(), value.as_str())).collect();
    StoredObject {
        size: answer.content_length().and_then(|length| u64::try_from(length).ok()),
        etag: text(answer.e_tag()).unwrap_or_default(),
        version_id: text(answer.version_id().filter(|id| *id != "null")),
        content_type: text(answer.content_type()),
        last_modified: answer.last_modified().and_then(|time| SystemTime::try_from(*time).ok()),
        checksums: checksums(answer),
        encryption: text(answer.server_side_encryption().map(ServerSideEncryption::as_str)),
        kms_key_id: text(answer.ssekms_key_id()),
        bucket_key: answer.bucket_key_enabled() == Some(true),
        named_storage_class: text(answer.storage_class().map(StorageClass::as_str)),
        decision_id: text(metadata.get(DECISION_METADATA).copied()),
        // S3 returns the number of metadata entries that cannot be headers.
        metadata: bounded(metadata, answer.missing_meta().is_some_and(|missing| missing != 0)),
        cache_control: text(answer.cache_control()),
        content_disposition: text(answer.content_disposition()),
        content_encoding: text(answer.content_encoding()),
        content_language: text(answer.content_language()),
        expires: text(answer.expires_string()),
        website_redirect_location: text(answer.website_redirect_location()),
        object_lock_mode: text(answer.object_lock_mode().map(ObjectLockMode::as_str)),
        legal_hold: answer.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On),
        tags: None,
    }
}

/// The tags, if the answer is about the requested version and has no repeated names.
pub(super) fn tags_of(answer: &GetObjectTaggingOutput, version_id: Option<&str>) -> Option<BTreeMap<String, String>> {
    if answer.version_id().is_some_and(|answered| version_id.is_some_and(|asked| asked != answered)) {
        return None;
    }
    let tags: BTreeMap<String, String> =
        answer.tag_set().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
    // Tags with a repeated name cannot be compared.
    (tags.len() == answer.tag_set().len()).then_some(tags)
}

/// A text, or the beginning of a long one with a mark that no term of an upload can have.
fn text(value: Option<&str>) -> Option<String> {
    let value = value.filter(|value| !value.is_empty())?;
    if value.len() <= MAX_TEXT_BYTES {
        return Some(value.to_owned());
    }
    Some(format!("{}…", &value[..value.floor_char_boundary(MAX_TEXT_BYTES)]))
}

fn bounded(metadata: BTreeMap<String, &str>, is_cut: bool) -> StoredMetadata {
    let mut stored = StoredMetadata { entries: BTreeMap::new(), is_cut };
    let mut room = MAX_METADATA_BYTES;
    for (name, value) in metadata {
        if name == DECISION_METADATA {
            continue;
        }
        let value = text(Some(value)).unwrap_or_default();
        match room.checked_sub(name.len() + value.len()) {
            Some(left) => {
                room = left;
                stored.entries.insert(name, value);
            }
            None => stored.is_cut = true,
        }
    }
    stored
}

fn checksums(answer: &HeadObjectOutput) -> Vec<Checksum> {
    // A multipart object may also have a checksum of the whole object, so S3 returns the type; older servers mark
    // checksums of parts by a dash.
    if answer.checksum_type().is_some_and(|kind| *kind != ChecksumType::FullObject) {
        return Vec::new();
    }
    let stored = [
        (ChecksumAlgorithm::Crc32, answer.checksum_crc32()),
        (ChecksumAlgorithm::Crc32c, answer.checksum_crc32_c()),
        (ChecksumAlgorithm::Crc64Nvme, answer.checksum_crc64_nvme()),
        (ChecksumAlgorithm::Md5, answer.checksum_md5()),
        (ChecksumAlgorithm::Sha1, answer.checksum_sha1()),
        (ChecksumAlgorithm::Sha256, answer.checksum_sha256()),
    ];
    let whole = |(algorithm, text): (ChecksumAlgorithm, Option<&str>)| {
        let bytes = STANDARD.decode(text?).ok()?;
        Checksum::new(algorithm, &bytes).ok()
    };
    stored.into_iter().filter_map(whole).collect()
}
