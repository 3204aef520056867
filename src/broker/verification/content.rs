//! Whether a checksum proves the content.
//!
//! A checksum in a server's answer is only as reliable as the server: some store the upload's value without verifying
//! it. It proves the content if the server is known to verify it, or if the entity tag is the expected MD5, which S3
//! and most other servers compute themselves.

use super::comparison::Comparison;
use access_broker_policy::{Checksum, ChecksumAlgorithm, EntityTag, ImposedOnUploads};
use access_broker_s3::storage::StoredObject;

/// Compares the expected checksum. `promised_etag` is the expected entity tag, from S3's answer to the upload.
pub(super) fn compare_checksum(
    promised: &Checksum,
    promised_etag: Option<&EntityTag>,
    imposed: &ImposedOnUploads,
    object: &StoredObject,
) -> Comparison {
    let algorithm = promised.algorithm();
    let is_checked = imposed.is_checked_by_server(algorithm);
    let returned = returned(object, algorithm);
    if returned.is_some_and(|returned| returned != promised) {
        return Comparison::Differs;
    }
    if algorithm == ChecksumAlgorithm::Md5 {
        match tag_as_md5(&object.etag) {
            Some(md5) if md5 == promised.bytes() => return Comparison::Holds,
            // The server verified the MD5 of the expected upload.
            Some(_) if is_checked && is_md5_of_content(object) && returned.is_none() => return Comparison::Differs,
            _ => {}
        }
    }
    let is_contradicted = contradicts_itself(object)
        || promised_etag.is_some_and(|etag| !object.has_etag(etag))
        || (algorithm == ChecksumAlgorithm::Md5 && is_md5_of_content(object));
    if returned.is_some() && is_checked && !is_contradicted { Comparison::Holds } else { Comparison::Unknown }
}

/// Whether the object has a checksum of one of these algorithms, if the request has none.
pub(super) fn compare_kinds(
    demanded: &[ChecksumAlgorithm],
    imposed: &ImposedOnUploads,
    object: &StoredObject,
) -> Comparison {
    let is_kept = |algorithm: &ChecksumAlgorithm| match algorithm {
        ChecksumAlgorithm::Md5 if is_md5_of_content(object) => true,
        _ => returned(object, *algorithm).is_some() && imposed.is_checked_by_server(*algorithm),
    };
    let is_proven = demanded.iter().any(is_kept) && !contradicts_itself(object);
    if is_proven { Comparison::Holds } else { Comparison::Unknown }
}

fn returned(object: &StoredObject, algorithm: ChecksumAlgorithm) -> Option<&Checksum> {
    object.checksums.iter().find(|stored| stored.algorithm() == algorithm)
}

/// Whether the server returns an MD5 that differs from the entity tag.
fn contradicts_itself(object: &StoredObject) -> bool {
    let md5 = returned(object, ChecksumAlgorithm::Md5);
    md5.is_some_and(|md5| is_md5_of_content(object) && tag_as_md5(&object.etag).is_some_and(|tag| tag != md5.bytes()))
}

/// Whether the tag has the form of an MD5 and the object's encryption leaves it one ([AWS:
/// Object](https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html)).
fn is_md5_of_content(object: &StoredObject) -> bool {
    let keeps_md5 = matches!(object.encryption.as_deref(), None | Some("AES256"));
    keeps_md5 && tag_as_md5(&object.etag).is_some()
}

/// The 16 bytes of a tag of 32 hexadecimal digits.
fn tag_as_md5(etag: &str) -> Option<[u8; 16]> {
    let digits = etag.trim_matches('"');
    if digits.len() != 32 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    Some(u128::from_str_radix(digits, 16).ok()?.to_be_bytes())
}
