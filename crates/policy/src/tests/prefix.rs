//! Which prefixes a tier may have.

use crate::decide::{TierPrefix, TierPrefixError};

#[test]
fn a_prefix_breaks_the_rule_that_is_named() {
    for (text, error) in [
        ("a", TierPrefixError::NoFinalSlash),
        ("/", TierPrefixError::EmptySegment),
        ("/a/", TierPrefixError::EmptySegment),
        ("a//", TierPrefixError::EmptySegment),
        ("a//b/", TierPrefixError::EmptySegment),
        ("./", TierPrefixError::RelativeSegment),
        ("a/../", TierPrefixError::RelativeSegment),
        ("a\0b/", TierPrefixError::ControlCharacter),
        ("a/\u{85}/", TierPrefixError::ControlCharacter),
        ("{claims.a\n}/", TierPrefixError::ControlCharacter),
        ("a{sub}/", TierPrefixError::TemplateInsideSegment),
        ("{sub}a/", TierPrefixError::TemplateInsideSegment),
        ("a}/", TierPrefixError::TemplateInsideSegment),
        ("{sub/", TierPrefixError::TemplateInsideSegment),
        ("{}/", TierPrefixError::UnknownTemplate),
        ("{user}/", TierPrefixError::UnknownTemplate),
        ("{claims}/", TierPrefixError::UnknownTemplate),
        ("{claims.}/", TierPrefixError::UnknownTemplate),
        ("{claims.a}-{claims.b}/", TierPrefixError::UnknownTemplate),
        ("{claims.{a}/", TierPrefixError::UnknownTemplate),
        ("{sub}{sub}/", TierPrefixError::UnknownTemplate),
    ] {
        assert_eq!(TierPrefix::parse(text), Err(error), "{text:?}");
    }
    for text in ["", "a/", "tier 1/.b/c../", "{sub}/", "users/{claims.sub}/{claims.a.b c}/"] {
        assert!(TierPrefix::parse(text).is_ok(), "{text:?}");
    }
}

#[test]
fn a_prefix_has_at_most_32_segments_and_1024_bytes() {
    let one_segment = |bytes: usize| format!("{}/", "x".repeat(bytes - 1));
    for text in ["a/".repeat(32), one_segment(1_024)] {
        assert!(TierPrefix::parse(&text).is_ok(), "{text}");
    }
    for text in ["a/".repeat(33), one_segment(1_025)] {
        assert_eq!(TierPrefix::parse(&text), Err(TierPrefixError::TooLong), "{text}");
    }
}
