use proptest::prelude::*;

use super::super::*;

#[test]
fn an_object_key_breaks_the_rule_that_is_named() {
    let too_long = "x".repeat(1_025);
    for (text, error) in [
        ("", ObjectKeyError::Empty),
        (too_long.as_str(), ObjectKeyError::TooLong),
        ("a\0b", ObjectKeyError::ControlCharacter),
        ("a\u{85}b", ObjectKeyError::ControlCharacter),
        ("/a", ObjectKeyError::EmptySegment),
        ("a/", ObjectKeyError::EmptySegment),
        ("a//b", ObjectKeyError::EmptySegment),
        ("tier 1/../tier 2/x.jpg", ObjectKeyError::RelativeSegment),
        ("./a", ObjectKeyError::RelativeSegment),
        ("a/..", ObjectKeyError::RelativeSegment),
    ] {
        assert_eq!(ObjectKey::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn the_longest_key_and_dots_inside_names_are_fine() {
    for text in ["x".repeat(1_024).as_str(), "a..b/.c/...", "tier 1/été 🐈.jpg", "a%2e%2e/b"] {
        assert_eq!(ObjectKey::parse(text).unwrap().as_str(), text);
    }
}

#[test]
fn a_bucket_name_is_no_uri_and_no_arn() {
    for text in ["", "s3://media", "arn:aws:s3:::media", "Media", "-media", "media.eu", "x/y", &"m".repeat(64)] {
        assert_eq!(BucketName::parse(text), Err(BucketNameError), "{text}");
    }
}

#[test]
fn a_checksum_has_the_length_of_its_algorithm() {
    for algorithm in ChecksumAlgorithm::ALL {
        let right = vec![0; algorithm.byte_length()];
        assert!(Checksum::new(algorithm, &right).is_ok());
        assert!(Checksum::new(algorithm, &right[1..]).is_err());
    }
}

#[test]
fn header_text_is_what_no_client_changes() {
    for text in ["", " a", "a ", "a  b", "a\tb", "a\r\nx: y", "é", &"x".repeat(1_025)] {
        assert_eq!(HeaderText::parse(text), Err(HeaderTextError), "{text:?}");
    }
    assert!(HeaderText::parse("attachment; filename=\"a b.pdf\"").is_ok());
}

proptest! {
    #[test]
    fn an_accepted_key_is_kept_byte_for_byte_and_has_only_clean_segments(text in "[a./ é\u{0}-\u{20}🐈]{0,40}") {
        if let Ok(key) = ObjectKey::parse(&text) {
            prop_assert_eq!(key.as_str(), text.as_str());
            let clean = key.segments().all(|segment| !segment.is_empty() && segment != "." && segment != "..");
            prop_assert!(clean);
        }
    }
}
