use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use regex::Regex;

use super::*;

fn matches(glob: &str, key: &str) -> bool {
    Glob::parse(glob).unwrap_or_else(|error| panic!("{glob:?} {error}")).matches(key)
}

#[test]
fn a_glob_matches_exactly_what_it_says() {
    for (glob, matching, others) in [
        // A class is about one character of a segment.
        ("report[!0-9]*.pdf", &["report-1.pdf", "reports.pdf"][..], &["report/board-minutes.pdf", "report1.pdf"][..]),
        ("a[!b]c", &["axc", "aéc", "a🦀c"], &["a/c", "abc", "ac"]),
        ("a[^b]c", &["axc"], &["a/c", "abc"]),
        ("x[+-.]y", &["x+y", "x-y", "x.y"], &["x/y", "x0y"]),
        ("x[0-]y", &["x0y", "x-y"], &["x/y", "x.y"]),
        ("x[]a]y", &["x]y", "xay"], &["xy", "x[y"]),
        ("x[!]]y", &["xay"], &["x]y", "x/y"]),
        ("x[-a]y", &["x-y", "xay"], &["xby"]),
        ("x[!-a]y", &["xby"], &["x-y", "xay"]),
        ("x[a!^]y", &["x!y", "x^y"], &["xby"]),
        (r"x[\]\-]y", &["x]y", "x-y"], &[r"x\y"]),
        (r"x[a\-c]y", &["xay", "x-y", "xcy"], &["xby", r"x\y"]),
        ("x[*?,{}[]y", &["x*y", "x?y", "x,y", "x{y", "x}y", "x[y"], &["xay"]),
        // Characters, not bytes.
        ("a?.txt", &["aé.txt", "a🦀.txt"], &["ae\u{301}.txt", "a.txt"]),
        ("a??.txt", &["ae\u{301}.txt"], &["aé.txt"]),
        ("[é].txt", &["é.txt"], &["e.txt", "è.txt"]),
        ("[!a].txt", &["é.txt", "🦀.txt"], &["a.txt", "bb.txt"]),
        ("[à-é]", &["ä", "é"], &["ê", "e"]),
        // Alternatives.
        ("{thumb-,full-}*.jpg", &["thumb-.jpg", "full-a.jpg"], &["a.jpg", "thumb-/a.jpg"]),
        ("{a,b{c,d*}}e", &["ae", "bce", "bde", "bdxe"], &["be", "bd/e", "ad"]),
        ("{a,ab}{c,bc}", &["ac", "abc", "abbc"], &["a", "abcc"]),
        ("{*,a}*", &["a", "abc"], &["a/b"]),
        ("[{,}]x", &["{x", ",x", "}x"], &["x", "[x"]),
        (r"{a\,b,c}", &["a,b", "c"], &["a", "b", r"a\,b"]),
        // Any depth.
        ("**", &["a", "a/b/c"], &[]),
        ("**/**", &["a", "a/b"], &[]),
        ("in/**", &["in/a", "in/a/b"], &["in", "inbox/a", "a/in/b"]),
        ("in/**/**", &["in/a", "in/a/b"], &["in"]),
        ("in/**/x", &["in/x", "in/a/x", "in/a/b/x"], &["in", "x", "in/ax", "in/x/a"]),
        ("**/a/**/b", &["a/b", "x/a/y/z/b", "a/a/b", "a/b/b"], &["a", "b", "xa/b", "a/b/c"]),
        ("*/*", &["a/b"], &["a", "a/b/c"]),
        // Everything else is itself.
        ("a]b!c^d,e-f$g(h)|i+", &["a]b!c^d,e-f$g(h)|i+"], &["a]b!c^d,e-f$g(h)|ii"]),
        (r"\*\?\[\{\}\\\a", &[r"*?[{}\a"], &["a"]),
        (".*", &[".git", "."], &["git"]),
        ("...", &["..."], &["aaa"]),
        ("A", &["A"], &["a"]),
    ] {
        for key in matching {
            assert!(matches(glob, key), "{glob} must match {key}");
        }
        for key in others {
            assert!(!matches(glob, key), "{glob} must not match {key}");
        }
    }
}

/// The table in the documentation.
#[test]
fn the_documentation_tells_the_truth() {
    let page = include_str!("../../../../../docs/POLICY.md");
    let section = page.split("### Include").nth(1).and_then(|rest| rest.split("\n###").next()).unwrap();
    let mut examples = 0;
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<Vec<&str>> = row.split(" |").map(|cell| cell.split('`').skip(1).step_by(2).collect()).collect();
        for (expected, keys) in [(true, &cells[1]), (false, &cells[2])] {
            for key in keys {
                assert_eq!(matches(cells[0][0], key), expected, "{row}: {key}");
                examples += 1;
            }
        }
    }
    assert!(examples >= 20, "{examples} examples in\n{section}");
}

#[test]
fn a_glob_that_is_not_valid_breaks_the_rule_that_is_named() {
    let longest = "a".repeat(MAX_GLOB_BYTES);
    assert!(matches(&longest, &longest));
    for (glob, error) in [
        ("", GlobError::Empty),
        (&*format!("{longest}a"), GlobError::TooLong),
        ("/", GlobError::EmptySegment),
        ("/a", GlobError::EmptySegment),
        ("a/", GlobError::EmptySegment),
        ("a//b", GlobError::EmptySegment),
        ("**//a", GlobError::EmptySegment),
        (".", GlobError::RelativeSegment),
        ("a/../b", GlobError::RelativeSegment),
        ("./a", GlobError::RelativeSegment),
        (r"a/\.\.", GlobError::RelativeSegment),
        ("a\nb", GlobError::ControlCharacter),
        ("[\t]", GlobError::ControlCharacter),
        ("\\\u{7F}", GlobError::ControlCharacter),
        ("a**", GlobError::PartialAnyDepth),
        ("**.jpg", GlobError::PartialAnyDepth),
        ("***", GlobError::PartialAnyDepth),
        ("x/**a/b", GlobError::PartialAnyDepth),
        ("{**,a}", GlobError::PartialAnyDepth),
        (r"a\", GlobError::NothingEscaped),
        (r"a\/b", GlobError::NothingEscaped),
        (r"[a\", GlobError::NothingEscaped),
        ("[", GlobError::OpenClass),
        ("[]", GlobError::OpenClass),
        ("[!]", GlobError::OpenClass),
        ("[^]", GlobError::OpenClass),
        ("[a", GlobError::OpenClass),
        ("[a-", GlobError::OpenClass),
        ("[a/b]", GlobError::OpenClass),
        ("x[!/]y", GlobError::OpenClass),
        (r"[a\]", GlobError::OpenClass),
        ("[b-a]", GlobError::ReversedRange),
        ("[é-a]", GlobError::ReversedRange),
        ("x[+-9]y", GlobError::RangeOverSlash),
        ("[!+-9]", GlobError::RangeOverSlash),
        ("[ -~]", GlobError::RangeOverSlash),
        ("[.-0]", GlobError::RangeOverSlash),
        ("[a-c-e]", GlobError::LooseHyphen),
        ("[[:digit:]]", GlobError::NamedClass),
        ("[:digit:]", GlobError::NamedClass),
        ("[!:digit:]", GlobError::NamedClass),
        ("[a[=e=]]", GlobError::NamedClass),
        ("[![.hyphen.]]", GlobError::NamedClass),
        ("{a", GlobError::OpenBrace),
        ("{a,b", GlobError::OpenBrace),
        ("{", GlobError::OpenBrace),
        ("{a/b,c}", GlobError::OpenBrace),
        ("{a,{b,c}", GlobError::OpenBrace),
        ("a}", GlobError::LooseBrace),
        ("{a,b}}", GlobError::LooseBrace),
        ("{,x}", GlobError::EmptyAlternative),
        ("{a,}", GlobError::EmptyAlternative),
        ("{a,,b}", GlobError::EmptyAlternative),
        ("{}", GlobError::EmptyAlternative),
        ("x{,.bak}", GlobError::EmptyAlternative),
        ("{a}", GlobError::OneAlternative),
        ("{sub}/*.jpg", GlobError::OneAlternative),
    ] {
        assert_eq!(Glob::parse(glob).map(|_| ()), Err(error), "{glob:?}");
    }
}

/// Tried one way after the other, these take longer than anybody waits.
#[test]
fn hostile_globs_are_matched_in_little_time() {
    let key = "a".repeat(1_024);
    let deep = vec!["a"; 512].join("/");
    for glob in [
        &format!("{}b", "*a".repeat(511)),
        &format!("{}b", "?*".repeat(511)),
        &format!("{}b", "{a,aa}".repeat(170)),
        &format!("{}b", "{*,a*}".repeat(170)),
        &format!("{}b", "[a-b]*".repeat(170)),
        &format!("{}*{}b", "{a,".repeat(200), "}".repeat(200)),
        &format!("{}x", "**/".repeat(341)),
        &format!("{}x", "**/a/".repeat(204)),
        &format!("{}x", "**/*a*/".repeat(146)),
    ] {
        assert!(!matches(glob, &key), "{glob}");
        assert!(!matches(glob, &deep), "{glob}");
    }
    assert!(matches(&"*a".repeat(512), &key));
    assert!(matches(&format!("{}a", "**/".repeat(341)), &deep));
}

/// What the documentation says, as a regular expression. It shares nothing with the matcher: it reads a glob from left
/// to right without segments, and `regex` matches.
fn as_regex(glob: &str) -> Regex {
    let mut out = "^(?s:".to_owned();
    let characters: Vec<char> = glob.chars().collect();
    let (mut at, mut depth) = (0, 0);
    while let Some(&character) = characters.get(at) {
        let ahead: String = characters[at..].iter().take(3).collect();
        let starts_segment = at == 0 || characters[at - 1] == '/';
        at += 1;
        match character {
            '*' if starts_segment && ahead == "**/" => {
                out.push_str("(?:[^/]+/)*");
                at += 2;
            }
            '*' if starts_segment && ahead == "**" => {
                out.push_str("[^/]+(?:/[^/]+)*");
                at += 1;
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => at = push_class(&mut out, &characters, at),
            '{' => {
                out.push_str("(?:");
                depth += 1;
            }
            ',' if depth > 0 => out.push('|'),
            '}' => {
                out.push(')');
                depth -= 1;
            }
            '\\' => {
                push_literal(&mut out, characters[at]);
                at += 1;
            }
            _ => push_literal(&mut out, character),
        }
    }
    out.push_str(")$");
    Regex::new(&out).unwrap_or_else(|error| panic!("{glob}: {error}"))
}

fn push_literal(out: &mut String, character: char) {
    write!(out, "\\x{{{:x}}}", u32::from(character)).unwrap();
}

/// Writes the class that begins at `at`, and says where it has ended.
fn push_class(out: &mut String, characters: &[char], mut at: usize) -> usize {
    let negated = matches!(characters[at], '!' | '^');
    at += usize::from(negated);
    let mut members: Vec<(char, bool)> = Vec::new();
    while members.is_empty() || characters[at] != ']' {
        let escaped = characters[at] == '\\';
        at += usize::from(escaped);
        members.push((characters[at], escaped));
        at += 1;
    }
    out.push_str(if negated { "[^/" } else { "[" });
    let mut index = 0;
    while index < members.len() {
        push_literal(out, members[index].0);
        if members.get(index + 1) == Some(&('-', false)) && index + 2 < members.len() {
            out.push('-');
            push_literal(out, members[index + 2].0);
            index += 2;
        }
        index += 1;
    }
    out.push(']');
    at + 1
}

/// Segments of valid globs, from pieces that can follow each other.
fn segment() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a",
        "b",
        "é",
        "🦀",
        "-",
        "]",
        "!",
        ".",
        ",",
        "a.",
        "*",
        "*",
        "?",
        "?",
        "[ab]",
        "[!a]",
        "[^é]",
        "[!b-]",
        "[a-é]",
        "[]a]",
        "[!]-]",
        "[-!]",
        r"[a\]]",
        "[!-.]",
        "{a,b}",
        "{a,*b}",
        "{é,{a,bb},?}",
        "{*.,[!a]}",
        r"\*",
        r"\é",
        r"\{",
    ];
    let text = vec(select(pieces), 1..5).prop_map(|pieces| {
        let mut text = pieces.concat();
        while text.contains("**") {
            text = text.replace("**", "*");
        }
        if text.chars().all(|character| character == '.') { format!("{text}a") } else { text }
    });
    prop_oneof![1 => Just("**".to_owned()), 3 => text]
}

fn key() -> impl Strategy<Value = String> {
    let character = select("aaabbé🦀-]!.,*".chars().collect::<Vec<_>>());
    let segment = vec(character, 1..5).prop_map(|characters| characters.into_iter().collect::<String>());
    vec(segment, 1..4).prop_map(|segments| segments.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn valid_globs_match_like_regular_expressions(
        glob in vec(segment(), 1..4).prop_map(|segments| segments.join("/")),
        keys in vec(key(), 16),
    ) {
        let regex = as_regex(&glob);
        for key in keys {
            prop_assert_eq!(matches(&glob, &key), regex.is_match(&key), "{} {} {}", glob, key, regex);
        }
    }

    #[test]
    fn every_valid_glob_matches_like_a_regular_expression(
        glob in r"([ab.é🦀,!^*?/-]|\[|\]|\{|\}|\\|\*\*|\[!){1,10}",
        keys in vec(key(), 8),
    ) {
        if let Ok(valid) = Glob::parse(&glob) {
            let regex = as_regex(&glob);
            for key in keys {
                prop_assert_eq!(valid.matches(&key), regex.is_match(&key), "{} {} {}", glob, key, regex);
            }
        }
    }
}

#[test]
fn an_example_matches_its_glob() {
    for (glob, example) in [
        ("*.jpg", "x.jpg"),
        ("**/*.jpg", "x.jpg"),
        ("in/**", "in/x"),
        ("**", "x"),
        ("a/**/b?", "a/bx"),
        ("[0-9]{c,d*}", "0c"),
        ("[!a]", "x"),
        ("[!x0]", "_"),
        (r"\*[^!-.0-~]", "*"),
    ] {
        let parsed = Glob::parse(glob).unwrap();
        let found = parsed.example();
        if glob.ends_with("[^!-.0-~]") {
            assert_eq!(found, None, "{glob}");
            continue;
        }
        assert_eq!(found.as_deref(), Some(example), "{glob}");
        assert!(parsed.matches(example), "{glob}");
    }
}
