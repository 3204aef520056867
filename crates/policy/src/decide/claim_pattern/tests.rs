use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn pattern(text: &str) -> ClaimPattern {
    ClaimPattern::parse(text).unwrap_or_else(|error| panic!("{text:?} {error}"))
}

fn matches(text: &str, value: &str) -> bool {
    pattern(text).matches(value)
}

#[test]
fn a_pattern_matches_exactly_what_it_says() {
    for (text, matching, others) in [
        ("", &[""][..], &["a"][..]),
        ("a", &["a"], &["", "A", "aa", "a ", "a:", "a/"]),
        ("a/b:c", &["a/b:c"], &["a:b/c", "a/b", "a/b:c:"]),
        // Within a segment.
        ("*", &["", "a", "a b", "é", "*", "a\nb"], &["/", ":", "a/", ":a"]),
        ("a*", &["a", "ab", "a*"], &["", "ba", "a/", "a:b"]),
        ("*a", &["a", "ba", "aa"], &["", "ab", "/a", "b:a"]),
        ("a*b", &["ab", "axb", "abb", "aab"], &["a", "b", "a/b", "aba", "a:b"]),
        ("a*a", &["aa", "aba", "aaa"], &["a", "ab"]),
        ("*a*", &["a", "xax", "aa"], &["", "x", "a/", "/a"]),
        ("a*bc*d", &["abcd", "axbcyd", "abbcd", "abcbcd"], &["abd", "abc", "axcbd", "abc/d"]),
        ("a*bc*c", &["abcc", "abcxc"], &["abc"]),
        ("é*ü", &["éü", "éöü"], &["é", "e\u{301}ü"]),
        ("a/*/c", &["a//c", "a/b/c"], &["a/b:c", "a/c", "a/b/b/c", "a/b/c/", "a:b/c"]),
        ("a/*", &["a/", "a/b"], &["a", "a:b", "a/b/", "a/b:c"]),
        ("*:*", &[":", "a:b"], &["", "a", "a/b", "a:b:c", "a:b/c"]),
        ("*/", &["/", "a/"], &["a", "a/b", "a:"]),
        ("refs/tags/v*", &["refs/tags/v1.2", "refs/tags/v"], &["refs/tags/1", "refs/tags/v1/x", "refs/heads/v1"]),
        // The rest.
        ("**", &["a", "/", ":", "a/b:c", "é"], &[""]),
        ("a**", &["ab", "a/", "a:", "aa", "a/b:c"], &["a", "", "ba"]),
        ("a/**", &["a/b", "a//", "a/b/c", "a/:"], &["a/", "a", "a:b", "ab/c"]),
        ("é**", &["éa", "é/é"], &["é", "e"]),
        ("*/**", &["/a", "a/b", "a/b/c"], &["/", "a/", "a", "a:b/c"]),
        ("*a**", &["ab", "xa/", "aa", "aaa", "xa:y"], &["a", "xa", "x/ab", "x"]),
        ("a*b**", &["abc", "axb/", "abb", "ab:"], &["ab", "axb", "a/bc"]),
        (
            "repo:octo-org/*:ref:refs/heads/**",
            &["repo:octo-org/a:ref:refs/heads/main", "repo:octo-org/a:ref:refs/heads/release/1"],
            &[
                "repo:octo-org/a:ref:refs/heads/",
                "repo:octo-org/a:pull_request",
                "repo:octo-org/a/b:ref:refs/heads/main",
                "repo:octo-org-2/a:ref:refs/heads/main",
            ],
        ),
        // Literal stars and backslashes.
        (r"\*", &["*"], &["a", "", r"\*"]),
        (r"\\", &[r"\"], &[r"\\", "a"]),
        (r"a\\*", &[r"a\", r"a\b"], &["a*", "a"]),
        (r"\**", &["*", "*a"], &["a", "", "*/"]),
        (r"*\*", &["*", "a*"], &["a", "a/*"]),
        (r"\***", &["*a", "*/"], &["*", "aa"]),
        (r"\*\*", &["**"], &["a", "*a"]),
        (r"a\\/b", &[r"a\/b"], &["a/b"]),
        // Everything else is itself.
        ("[a-z]?{b,c}^$.+", &["[a-z]?{b,c}^$.+"], &["aab"]),
        ("[a]*", &["[a]", "[a]b"], &["a"]),
    ] {
        for value in matching {
            assert!(matches(text, value), "{text} must match {value}");
        }
        for value in others {
            assert!(!matches(text, value), "{text} must not match {value}");
        }
    }
}

#[test]
fn a_pattern_that_is_not_valid_breaks_the_rule_that_is_named() {
    for (text, error) in [
        ("**a", ClaimPatternError::RestBeforeEnd),
        ("a**/b", ClaimPatternError::RestBeforeEnd),
        ("**/**", ClaimPatternError::RestBeforeEnd),
        (r"**\*", ClaimPatternError::RestBeforeEnd),
        ("***", ClaimPatternError::StarsTogether),
        ("a****", ClaimPatternError::StarsTogether),
        ("a***b", ClaimPatternError::StarsTogether),
        (r"\", ClaimPatternError::Backslash),
        (r"a\", ClaimPatternError::Backslash),
        (r"\\\", ClaimPatternError::Backslash),
        (r"DOMAIN\user", ClaimPatternError::Backslash),
        (r"a\/b", ClaimPatternError::Backslash),
        (r"\?", ClaimPatternError::Backslash),
    ] {
        assert_eq!(ClaimPattern::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn a_pattern_has_at_most_1024_bytes_and_a_literal_any_number() {
    let (long, longer) = ("a".repeat(1_023), "a".repeat(1_024));
    assert!(matches(&format!("{long}*"), &long));
    for text in [format!("{longer}*"), format!("*{longer}"), format!("{longer}**"), format!("*/{longer}")] {
        assert_eq!(ClaimPattern::parse(&text), Err(ClaimPatternError::TooLong));
    }
    assert!(matches(&longer.repeat(2), &longer.repeat(2)));
}

#[test]
fn literals_are_those_without_a_star() {
    for (text, is_literal, suits_denial) in [
        ("a", true, true),
        (r"a\*\\/b:c", true, true),
        ("**", false, true),
        ("a/b:**", false, true),
        ("a*/b/**", false, false),
        ("*/b/**", false, false),
        ("*", false, false),
        ("a/*", false, false),
        ("*/a", false, false),
        (r"a*\*", false, false),
    ] {
        assert_eq!(pattern(text).is_literal(), is_literal, "{text}");
        assert_eq!(pattern(text).in_denial().is_some(), suits_denial, "{text}");
    }
}

#[test]
fn in_a_denial_the_rest_may_be_empty() {
    let denied = |text: &str| pattern(text).in_denial().unwrap();
    for (text, value) in [("a/**", "a/"), ("a**", "a"), ("**", ""), ("a:b**", "a:b")] {
        assert!(denied(text).matches(value) && !pattern(text).matches(value), "{text}");
        assert!(denied(text).matches(&format!("{value}x/y:z")), "{text}");
    }
    for (text, value) in [("a/**", "a"), ("a**", "b"), ("a:b**", "a:"), ("a", "ab")] {
        assert!(!denied(text).matches(value), "{text} {value}");
    }
    assert!(denied("a**").covers(&pattern("a**")) && denied("a**").covers(&pattern("a")));
    assert!(!pattern("a**").covers(&denied("a**")));
}

#[test]
fn a_pattern_covers_what_it_certainly_matches() {
    for (wide, narrow) in [
        ("a", "a"),
        (r"a\*", r"a\*"),
        ("a*", "a*"),
        ("a*", "ab"),
        ("a/*:b**", "a/*:b**"),
        ("**", "a*"),
        ("**", "*a"),
        ("**", "**"),
        ("**", "*/*"),
        ("a/**", "a/b/**"),
        ("a/**", "a/b"),
        ("a/**", "a/b*"),
        ("a/**", "a/*b"),
        ("a/**", "a/*:*"),
        ("a**", "a/*"),
        ("a/b**", "a/bc*/d"),
        ("a/**", "a/*/**"),
    ] {
        assert!(pattern(wide).covers(&pattern(narrow)), "{wide} covers {narrow}");
    }
    for (wide, narrow) in [
        ("a", "b"),
        ("a", "a*"),
        ("a", "a**"),
        // An empty value.
        ("**", "*"),
        ("a/**", "a/*"),
        ("a/**", "a/"),
        ("a/**", "a*"),
        ("a/**", "a**"),
        ("a/b**", "a/*"),
        ("a/b**", "a/*b"),
        ("ab**", "a*/b"),
        ("a/**", "a*/b"),
        ("a/**", "b/a/**"),
        ("a*", "a**"),
        // It does, which is not seen.
        ("*", "a*"),
        ("*/**", "a/b*"),
        ("*b**", "ab*c"),
    ] {
        assert!(!pattern(wide).covers(&pattern(narrow)), "{wide} does not cover {narrow}");
    }
}

#[test]
fn an_example_has_the_given_texts_for_stars() {
    assert_eq!(pattern(r"a\*/b").example("x", "y"), "a*/b");
    assert_eq!(pattern("*a:b*c*/d").example("x", "y"), "xa:bxcx/d");
    assert_eq!(pattern("a/*b**").example("x", "y"), "a/xby");
}

/// Tried one way after the other, these take longer than any test waits.
#[test]
fn hostile_values_are_matched_in_little_time() {
    let value = "a".repeat(64 * 1_024);
    let segments = "a/".repeat(32 * 1_024);
    for text in [
        &format!("{}b", "*a".repeat(511)),
        &format!("{}b", "a*".repeat(511)),
        &format!("*{}b*", "a".repeat(1_000)),
        &format!("{}b**", "*a".repeat(510)),
        &format!("{}b", "*/".repeat(511)),
        &format!("{}b**", "*a*/".repeat(255)),
    ] {
        assert!(!matches(text, &value), "{text}");
        assert!(!matches(text, &segments), "{text}");
    }
    assert!(matches(&"*a".repeat(512), &value));
    assert!(matches(&format!("{}**", "*a*/".repeat(255)), &segments));
}

/// What the documentation says, without segments: each character of a pattern after the other, and every length of a star.
fn naive(pattern: &[char], value: &[char]) -> bool {
    match pattern {
        [] => value.is_empty(),
        ['*', '*'] => !value.is_empty(),
        ['*', rest @ ..] => {
            let longest = value.iter().take_while(|character| !"/:".contains(**character)).count();
            (0..=longest).any(|length| naive(rest, &value[length..]))
        }
        ['\\', literal, rest @ ..] | [literal, rest @ ..] => value.first() == Some(literal) && naive(rest, &value[1..]),
    }
}

fn characters(text: &str) -> Vec<char> {
    text.chars().collect()
}

/// The table in the documentation.
#[test]
fn the_documentation_tells_the_truth() {
    let page = include_str!("../../../../../docs/POLICY.md");
    let section = page.split("### Patterns").nth(1).and_then(|rest| rest.split("\n###").next()).unwrap();
    let mut examples = 0;
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<Vec<&str>> = row.split(" |").map(|cell| cell.split('`').skip(1).step_by(2).collect()).collect();
        for (expected, values) in [(true, &cells[1]), (false, &cells[2])] {
            for value in values {
                assert_eq!(matches(cells[0][0], value), expected, "{row}: {value}");
                examples += 1;
            }
        }
    }
    assert!(examples >= 20, "{examples} examples in\n{section}");
}

/// Pieces that often meet those of [`value`].
fn valid() -> impl Strategy<Value = String> {
    let piece = select(vec!["a", "b", "é", "/", ":", "*", "*", r"\*", r"\\", "ab"]);
    (vec(piece, 0..7), any::<bool>()).prop_map(|(pieces, takes_rest)| {
        let mut text = String::new();
        for piece in pieces {
            if !(piece == "*" && text.ends_with('*')) {
                text.push_str(piece);
            }
        }
        if takes_rest && !text.ends_with('*') { text + "**" } else { text }
    })
}

fn value() -> impl Strategy<Value = String> {
    vec(select(characters("aaabbé/:*\\")), 0..8).prop_map(|value| value.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn valid_patterns_match_like_a_naive_matcher(text in valid(), values in vec(value(), 16)) {
        let pattern = pattern(&text);
        for value in values {
            prop_assert_eq!(pattern.matches(&value), naive(&characters(&text), &characters(&value)), "{} {}", text, value);
        }
    }

    #[test]
    fn every_valid_text_matches_like_a_naive_matcher(text in r"[ab/:*\\]{0,7}", values in vec(value(), 16)) {
        if let Ok(pattern) = ClaimPattern::parse(&text) {
            for value in values {
                prop_assert_eq!(pattern.matches(&value), naive(&characters(&text), &characters(&value)), "{} {}", text, value);
            }
        }
    }

    #[test]
    fn an_example_matches(text in valid(), fill in "[abé]{0,2}", rest in "[ab/:]{1,3}") {
        let pattern = pattern(&text);
        prop_assert!(pattern.matches(&pattern.example(&fill, &rest)), "{}", text);
    }

    #[test]
    fn what_is_covered_is_matched(wide in valid(), narrow in valid(), values in vec(value(), 16), fill in "[ab]{0,2}") {
        let (wide, narrow) = (pattern(&wide), pattern(&narrow));
        if wide.covers(&narrow) {
            for value in values.into_iter().chain([narrow.example(&fill, "a"), narrow.example("", "/")]) {
                prop_assert!(!narrow.matches(&value) || wide.matches(&value), "{:?} {:?} {}", wide, narrow, value);
            }
        }
    }
}
