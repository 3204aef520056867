//! `${NAME}` in strings.

use super::*;

fn listed(variables: &[(&str, Option<&str>)]) -> Variables {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
    Variables::Listed { setting: "policy.variables", variables }
}

fn variables() -> Variables {
    listed(&[("A", Some("alpha")), ("EMPTY", Some("")), ("UNSET", None), ("N", Some("7")), ("LONG_1", Some("x\"y\\z"))])
}

/// What a string of the file becomes, or the problems of the file.
fn expanded(text: &str) -> Result<String, String> {
    let file = format!("a = '{text}'");
    let document =
        Document::parse("x.toml", &file, Overrides::new(), &variables()).map_err(|error| error.to_string())?;
    Ok(document.root().setting("a", "").text().optional().unwrap().value)
}

#[test]
fn variables_are_replaced_and_dollars_are_kept() {
    for (text, expected) in [
        ("${A}", "alpha"),
        ("<${A}-${A}>", "<alpha-alpha>"),
        ("${EMPTY}", ""),
        ("${UNSET:-d}", "d"),
        ("${UNSET:-}", ""),
        ("${EMPTY:-d}", "d"),
        ("${A:-d}", "alpha"),
        ("${UNSET:-a:-b}", "a:-b"),
        ("${UNSET:-$$5}", "$5"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$${A}", "$alpha"),
        ("$A", "$A"),
        ("5$", "5$"),
        ("a$b$", "a$b$"),
        ("{A}", "{A}"),
        ("${LONG_1}", "x\"y\\z"),
    ] {
        assert_eq!(expanded(text), Ok(expected.to_owned()), "{text}");
    }
}

#[test]
fn what_cannot_be_replaced_is_an_error_at_its_line() {
    for (text, rule) in [
        ("${UNSET}", "uses the variable UNSET, which is not set; set it, or write ${UNSET:-default}"),
        ("${B}", "must not use the variable B, because policy.variables does not list it"),
        ("${B:-d}", "must not use the variable B, because policy.variables does not list it"),
        ("${A", "has \"${\" without \"}\"; write $$ for a dollar"),
        ("${}", "must write a variable as"),
        ("${A B}", "must write a variable as"),
        ("${1A}", "must write a variable as"),
        ("${A-d}", "must write a variable as"),
        ("${A:d}", "must write a variable as"),
        ("${${A}}", "must write a variable as"),
    ] {
        let problem = expanded(text).unwrap_err();
        assert!(problem.starts_with(&format!("x.toml:1: a {rule}")), "{text}: {problem}");
    }
    let file = "[[t]]\nn = 1\n[[t]]\nlist = ['a',\n'${B}']\ninner = { k = '${UNSET}' }\n";
    let problems = Document::parse("x.toml", file, Overrides::new(), &variables()).unwrap_err().to_string();
    assert_eq!(
        problems,
        "x.toml:5: t[1].list must not use the variable B, because policy.variables does not list it\n\
         x.toml:6: t[1].inner.k uses the variable UNSET, which is not set; set it, or write ${UNSET:-default}"
    );
    let none = Document::parse("x.toml", "a = '${A}'", Overrides::new(), &Variables::None).unwrap_err().to_string();
    assert!(none.contains("this file has no variables"), "{none}");
}

#[test]
fn keys_and_comments_stay_and_no_value_becomes_toml() {
    let file = "'${A}' = 1 # ${B}\nb = '${T}'\n";
    let toml = listed(&[("T", Some("'\n[server]\nc = 1\n# ${A}"))]);
    let document = Document::parse("x.toml", file, Overrides::new(), &toml).unwrap();
    let mut root = document.root();
    assert_eq!(root.setting("b", "").text().optional().unwrap().value, "'\n[server]\nc = 1\n# ${A}");
    assert!(root.holds("${A}") && !root.holds("server"));
}

#[test]
fn a_replaced_string_can_be_a_number_or_a_flag_and_a_plain_one_cannot() {
    let flag = listed(&[("F", Some("true")), ("N", Some("7")), ("L", Some("a, b"))]);
    let file = "f = '${F}'\nn = '${N}'\nm = '7'\nl = '${L}'\nd = '${N}s'\n";
    let document = Document::parse("x.toml", file, Overrides::new(), &flag).unwrap();
    let mut root = document.root();
    assert!(root.setting("f", "").flag().or(false));
    assert_eq!(root.setting("n", "").count().or(0_u32), 7);
    assert_eq!(root.setting("d", "").duration().or(Duration::ZERO), Duration::from_secs(7));
    let list = root.setting("l", "").list("string").optional().unwrap();
    assert_eq!(list.len(), 1, "a list of one string, as the file has it");
    assert_eq!(root.setting("m", "").count().or(0_u32), 0);
    let problems = document.into_result(Some(())).unwrap_err().to_string();
    assert_eq!(problems, "x.toml:3: m must be a whole number without quotes");
}

#[test]
fn what_wins_over_the_file_is_not_expanded() {
    let document = Document::parse("x.toml", "", environment("server.reflection", "${A}"), &variables()).unwrap();
    assert_eq!(document.root().table("server").setting("reflection", "").text().optional().unwrap().value, "${A}");
}

#[test]
fn no_message_shows_a_value() {
    for value in ["s3cr3t-value", "a", "x\"y\\z", "ünïcode\u{202e}", "tab\tand\nline"] {
        let variables = listed(&[("S", Some(value))]);
        let file = "a = 'pre-${S}'\nb = '${S}'\n";
        let document = Document::parse("x.toml", file, Overrides::new(), &variables).unwrap();
        let mut root = document.root();
        for key in ["a", "b"] {
            let found = root.setting(key, "").text().optional().unwrap();
            root.report(key, &found.location, format!("has {:?}", found.value));
            root.report(key, &found.location, format!("has \"{}\"", found.value));
            root.warn(WarningCode::LiteralPattern, key, &found.location, format!("is {:?}", found.value));
        }
        root.finish();
        let warnings: Vec<_> = document.take_warnings().lines().map(|(_, line)| line).collect();
        let problems = document.into_result(Some(())).unwrap_err().to_string();
        let shown = "x.toml:1: a has \"pre-${S}\"\nx.toml:2: b has \"${S}\"";
        assert_eq!(problems, shown, "{value:?}");
        assert_eq!(warnings, ["x.toml:1: a is \"pre-${S}\"", "x.toml:2: b is \"${S}\""]);
        assert!(!format!("{variables:?}").contains(value) || value == "a");
    }
}

#[test]
fn a_value_is_hidden_also_where_a_message_has_a_part_of_the_string() {
    let variables = listed(&[("HOST", Some("internal.example"))]);
    let file = "a = 'https://${HOST}/x'\n";
    let document = Document::parse("x.toml", file, Overrides::new(), &variables).unwrap();
    let root = document.root();
    root.report("a", &root.location_of("a"), "has the host internal.example, which is refused");
    let problems = document.into_result(Some(())).unwrap_err().to_string();
    assert_eq!(problems, "x.toml:1: a has the host ${HOST}, which is refused");
}

#[test]
fn many_uses_of_a_long_value_reach_a_limit() {
    let variables = listed(&[("L", Some(&"x".repeat(100_000)))]);
    let file = format!("a = '{}'", "${L}".repeat(1_000));
    let problems = Document::parse("x.toml", &file, Overrides::new(), &variables).unwrap_err().to_string();
    assert!(problems.contains("a exceeds the limit of 16777216 bytes from variables"), "{problems}");
}

#[test]
fn a_variable_of_the_process_is_found() {
    let file = "a = '${CARGO_MANIFEST_DIR}'\nb = '${ACCESS_BROKER_TEST_UNSET:-no}'\n";
    let document = Document::parse("x.toml", file, Overrides::new(), &Variables::Environment).unwrap();
    let mut root = document.root();
    assert_eq!(root.setting("a", "").text().optional().unwrap().value, env!("CARGO_MANIFEST_DIR"));
    assert_eq!(root.setting("b", "").text().optional().unwrap().value, "no");
}

#[test]
fn one_string_can_be_expanded_by_itself() {
    let expand = |text: &str| variables().expand(text);
    assert_eq!(expand("<${A}>").as_deref(), Some("<alpha>"));
    assert_eq!(expand("plain").as_deref(), Some("plain"));
    assert_eq!((expand("${UNSET}"), expand("${B}"), expand("${")), (None, None, None));
}

#[test]
fn the_form_for_debugging_has_names_and_no_values() {
    let shown = format!("{:?} {:?} {:?}", variables(), Variables::None, Variables::Environment);
    for name in ["policy.variables", "LONG_1", "UNSET", "None", "Environment"] {
        assert!(shown.contains(name), "{shown}");
    }
    assert!(!shown.contains("alpha"), "{shown}");
}

#[test]
fn exactly_the_limit_of_bytes_from_variables_is_accepted() {
    let value = "x".repeat(1_024);
    let variables = listed(&[("L", Some(&value))]);
    let limit = MAX_DOCUMENT_BYTES / 1_024;
    let parse = |uses: usize| {
        let file = format!("a = '{}'", "${L}".repeat(uses));
        Document::parse("x.toml", &file, Overrides::new(), &variables).is_ok()
    };
    assert!(parse(limit) && !parse(limit + 1));
}
