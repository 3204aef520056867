use super::*;

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
fn a_length_that_is_none_is_not_believed() {
    assert_eq!(described(&HeadObjectOutput::builder().content_length(-1).build()).size, 0);
}

#[test]
fn a_server_that_ignores_the_version_has_no_such_version() {
    let version = |id: &str| HeadObjectOutput::builder().version_id(id).build();
    let asked = |id: &str| HeaderText::parse(id).unwrap();
    assert!(answers_for(&version("v1"), None));
    assert!(answers_for(&version("v1"), Some(&asked("v1"))));
    assert!(!answers_for(&version("v2"), Some(&asked("v1"))));
    let without = HeadObjectOutput::builder().build();
    assert!(!answers_for(&without, Some(&asked("v1"))));
    assert!(answers_for(&without, Some(&asked("null"))));
}
