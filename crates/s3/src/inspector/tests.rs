use aws_sdk_s3::operation::get_object_tagging::GetObjectTaggingOutput;
use aws_sdk_s3::types::{
    ChecksumType, ObjectLockLegalHoldStatus, ObjectLockMode, ServerSideEncryption, StorageClass, Tag,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::storage::StoredMetadata;
use access_broker_policy::{Checksum, ChecksumAlgorithm};

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[test]
fn checksums_of_the_whole_content_are_told() {
    let answer = HeadObjectOutput::builder()
        .content_length(5)
        .e_tag("\"abc\"")
        .checksum_sha256(base64(&[7; 32]))
        .checksum_crc32_c(base64(&[1, 2, 3, 4]))
        .checksum_type(ChecksumType::FullObject)
        .build();
    let sha256 = Checksum::new(ChecksumAlgorithm::Sha256, &[7; 32]).unwrap();
    let crc32c = Checksum::new(ChecksumAlgorithm::Crc32c, &[1, 2, 3, 4]).unwrap();
    assert_eq!(described(&answer).checksums, [crc32c, sha256]);
}

#[test]
fn checksums_of_parts_are_not() {
    let parts = HeadObjectOutput::builder().checksum_sha256(format!("{}-2", base64(&[7; 32])));
    assert_eq!(described(&parts.build()).checksums, []);
    let composite = HeadObjectOutput::builder().checksum_crc32(base64(&[0; 4])).checksum_type(ChecksumType::Composite);
    assert_eq!(described(&composite.build()).checksums, []);
}

#[test]
fn the_null_version_is_none() {
    let version = |id: &str| described(&HeadObjectOutput::builder().version_id(id).build()).version_id;
    assert_eq!(version("null"), None);
    assert_eq!(version("3HL4kqtJvjVBH40Nrjfkd").as_deref(), Some("3HL4kqtJvjVBH40Nrjfkd"));
}

#[test]
fn a_length_that_is_not_told_is_unknown() {
    let size = |answer: HeadObjectOutput| described(&answer).size;
    assert_eq!(size(HeadObjectOutput::builder().content_length(-1).build()), None);
    assert_eq!(size(HeadObjectOutput::builder().build()), None);
    assert_eq!(size(HeadObjectOutput::builder().content_length(0).build()), Some(0));
}

#[test]
fn a_server_that_ignores_the_version_has_no_such_version() {
    let version = |id: &str| HeadObjectOutput::builder().version_id(id).build();
    let asked = |id: &str| HeaderText::parse(id).unwrap();
    assert!(is_about_version(&version("v1"), None));
    assert!(is_about_version(&version("v1"), Some(&asked("v1"))));
    assert!(!is_about_version(&version("v2"), Some(&asked("v1"))));
    let without = HeadObjectOutput::builder().build();
    assert!(!is_about_version(&without, Some(&asked("v1"))));
    assert!(is_about_version(&without, Some(&asked("null"))));
}

#[test]
fn what_a_head_tells_is_told() {
    let answer = HeadObjectOutput::builder()
        .server_side_encryption(ServerSideEncryption::from("aws:kms"))
        .ssekms_key_id("arn:aws:kms:eu-west-1:1:key/k")
        .bucket_key_enabled(true)
        .storage_class(StorageClass::from("GLACIER_IR"))
        .cache_control("no-store")
        .content_disposition("attachment")
        .content_encoding("gzip")
        .content_language("de")
        .expires_string("never")
        .website_redirect_location("/x")
        .metadata("Purpose", "x")
        .metadata("Access-Broker-Decision", "id")
        .metadata("access-broker-other", "y")
        .object_lock_mode(ObjectLockMode::from("COMPLIANCE"))
        .object_lock_legal_hold_status(ObjectLockLegalHoldStatus::On)
        .build();
    let object = described(&answer);
    let text = |text: &str| Some(text.to_owned());
    assert_eq!((object.encryption, object.kms_key_id), (text("aws:kms"), text("arn:aws:kms:eu-west-1:1:key/k")));
    assert_eq!((object.bucket_key, object.named_storage_class), (true, text("GLACIER_IR")));
    assert_eq!((object.cache_control, object.content_disposition), (text("no-store"), text("attachment")));
    assert_eq!((object.content_encoding, object.content_language), (text("gzip"), text("de")));
    assert_eq!((object.expires, object.website_redirect_location), (text("never"), text("/x")));
    assert_eq!(object.decision_id, text("id"));
    assert_eq!((object.object_lock_mode, object.legal_hold), (text("COMPLIANCE"), true));
    let metadata = StoredMetadata {
        entries: [("access-broker-other", "y"), ("purpose", "x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        is_cut: false,
    };
    assert_eq!(object.metadata, metadata);
}

#[test]
fn what_a_head_does_not_tell_is_not_there() {
    let object = described(&HeadObjectOutput::builder().content_encoding("").build());
    assert_eq!(object, StoredObject::default());
    assert_eq!(object.storage_class(), "STANDARD");
}

#[test]
fn texts_are_cut_where_no_promise_reaches_and_then_equal_none() {
    let cache_control =
        |text: &str| described(&HeadObjectOutput::builder().cache_control(text).build()).cache_control.unwrap();
    let longest = "a".repeat(2_048);
    assert_eq!(cache_control(&longest), longest);
    assert_eq!(cache_control(&format!("{longest}b")), format!("{longest}…"));
    assert_eq!(cache_control(&format!("{}éé", "a".repeat(2_047))), format!("{}…", "a".repeat(2_047)));
    assert!(HeaderText::parse(&cache_control(&"a".repeat(5_000))).is_err());
}

#[test]
fn metadata_is_bounded_and_says_so() {
    let of = |count: usize, length: usize| {
        let named = (0..count).map(|index| (format!("m{index:04}"), "v".repeat(length)));
        let answer = HeadObjectOutput::builder().set_metadata(Some(named.collect()));
        described(&answer.build()).metadata
    };
    let (fits, exceeds) = (of(16, 1_019), of(17, 1_019));
    assert_eq!((fits.entries.len(), fits.is_cut), (16, false));
    assert_eq!((exceeds.entries.len(), exceeds.is_cut), (16, true));
    // A dropped entry leaves room for smaller ones.
    assert_eq!(of(3, 100_000).entries.len(), 3);
    assert!(of(3, 100_000).entries.values().all(|value| value.len() == 2_048 + "…".len()));
    let missing = |count| described(&HeadObjectOutput::builder().missing_meta(count).build()).metadata.is_cut;
    assert_eq!((missing(0), missing(1)), (false, true));
}

fn tagging(version_id: Option<&str>, names: &[&str]) -> GetObjectTaggingOutput {
    let tag = |name: &&str| Tag::builder().key(*name).value("v").build().unwrap();
    let tags = names.iter().map(tag).collect();
    GetObjectTaggingOutput::builder()
        .set_version_id(version_id.map(str::to_owned))
        .set_tag_set(Some(tags))
        .build()
        .unwrap()
}

#[test]
fn tags_are_those_of_the_version_that_was_described() {
    for (asked, answered, is_taken) in [
        (None, None, true),
        (Some("a"), None, true),
        (None, Some("a"), true),
        (Some("a"), Some("a"), true),
        (Some("a"), Some("b"), false),
    ] {
        assert_eq!(tags_of(&tagging(answered, &["x"]), asked).is_some(), is_taken, "{asked:?} {answered:?}");
    }
}

#[test]
fn tags_of_the_same_name_make_no_sense() {
    assert_eq!(tags_of(&tagging(None, &["x", "y"]), None).unwrap().len(), 2);
    assert_eq!(tags_of(&tagging(None, &[]), None).unwrap().len(), 0);
    assert_eq!(tags_of(&tagging(None, &["x", "x"]), None), None);
}
