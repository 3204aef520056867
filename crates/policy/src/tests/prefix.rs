//! Which prefixes a tier may have.

use crate::decide::{TemplateLength, TierPrefix, TierPrefixError};
use access_broker_identity::{ClaimPath, InvalidClaimPath};

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
        ("{claims.:2}/", TierPrefixError::UnknownTemplate),
        ("{claims:2}/", TierPrefixError::UnknownTemplate),
        ("{sub:9}/", TierPrefixError::UnknownTemplate),
        ("{sub:0}/", TierPrefixError::UnknownTemplate),
        ("{sub:}/", TierPrefixError::UnknownTemplate),
        ("{:2}/", TierPrefixError::UnknownTemplate),
        // A slash in braces ends no segment.
        ("{claims.a/", TierPrefixError::TemplateInsideSegment),
        ("a{claims.a/b}/", TierPrefixError::TemplateInsideSegment),
        ("{claims.a/b}c/", TierPrefixError::TemplateInsideSegment),
        ("a/{sub/b/", TierPrefixError::TemplateInsideSegment),
        ("{claims.a/}", TierPrefixError::NoFinalSlash),
        ("{claims.a}//{claims.b}/", TierPrefixError::EmptySegment),
        ("{a/b}/", TierPrefixError::UnknownTemplate),
        ("{claims./}/", TierPrefixError::InvalidClaim(InvalidClaimPath::EmptyName)),
        ("{claims./a/:2}/", TierPrefixError::InvalidClaim(InvalidClaimPath::EmptyName)),
        ("{claims./a~}/", TierPrefixError::InvalidClaim(InvalidClaimPath::Escape)),
        ("{claims./1/2/3/4/5/6/7/8/9:2}/", TierPrefixError::InvalidClaim(InvalidClaimPath::TooDeep)),
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

#[test]
fn a_template_names_a_claim_and_a_number_of_segments() {
    let one = TemplateLength::Exactly(1);
    for (text, claim, length) in [
        ("{sub}", "sub", one),
        ("{sub:1}", "sub", one),
        ("{sub:2}", "sub", TemplateLength::Exactly(2)),
        ("{claims.repository:2}", "repository", TemplateLength::Exactly(2)),
        ("{claims.repository:8}", "repository", TemplateLength::Exactly(8)),
        ("{claims.project_path:*}", "project_path", TemplateLength::OfValue),
        ("{claims.https://example.com/tenant}", "https://example.com/tenant", one),
        ("{claims.https://example.com/tenant:3}", "https://example.com/tenant", TemplateLength::Exactly(3)),
        ("{claims./kubernetes.io/namespace}", "/kubernetes.io/namespace", one),
        ("{claims./a/b:*}", "/a/b", TemplateLength::OfValue),
        ("{claims./sub}", "sub", one),
        ("{claims.a/}", "a/", one),
        // Colons of names.
        ("{claims.cognito:username}", "cognito:username", one),
        ("{claims.a:}", "a:", one),
        ("{claims.a:0}", "a:0", one),
        ("{claims.a:9}", "a:9", one),
        ("{claims.a:12}", "a:12", one),
        ("{claims.a:**}", "a:**", one),
        ("{claims.a:2:1}", "a:2", one),
        ("{claims.a:*:2}", "a:*", TemplateLength::Exactly(2)),
        ("{claims.:a}", ":a", one),
    ] {
        let prefix = TierPrefix::parse(&format!("x/{text}/y/")).unwrap();
        let [template] = *prefix.templates().collect::<Vec<_>>() else { panic!("{text}") };
        assert_eq!((template.claim(), template.length()), (&ClaimPath::parse(claim).unwrap(), length), "{text}");
        assert_eq!(prefix.parts().len(), 3, "{text}");
    }
}

#[test]
fn a_template_counts_as_the_segments_that_it_takes() {
    let prefix = |template: &str, times: usize| TierPrefix::parse(&format!("{template}/").repeat(times)).map(drop);
    for (template, most) in [("{sub}", 32), ("{sub:2}", 16), ("{sub:8}", 4), ("{sub:*}", 32)] {
        assert_eq!(prefix(template, most), Ok(()), "{template}");
        assert_eq!(prefix(template, most + 1), Err(TierPrefixError::TooLong), "{template}");
    }
    assert_eq!(TierPrefix::parse(&format!("{}a/", "{sub:3}/".repeat(10))).map(drop), Ok(()));
    assert_eq!(
        TierPrefix::parse(&format!("{}{{sub:3}}/", "{sub:3}/".repeat(10))).map(drop),
        Err(TierPrefixError::TooLong)
    );
}
