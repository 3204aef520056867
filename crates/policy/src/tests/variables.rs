//! Variables in policies.

use super::*;

/// Compiles a policy that can use these variables. `None`: listed and not set.
fn with(variables: &[(&str, Option<&str>)], text: &str) -> Result<CompiledPolicy, String> {
    let own = |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
    let variables = Variables::Listed { setting: "policy.variables", variables: variables.iter().map(own).collect() };
    let buckets = BTreeMap::from([(media(), media_profile())]);
    let (issuers, trust_domains) = (BTreeSet::from([ISSUER.to_owned()]), BTreeSet::from(["prod.example".to_owned()]));
    let context = PolicyContext {
        buckets: &buckets,
        issuers: &issuers,
        trust_domains: &trust_domains,
        variables: &variables,
        members: None,
    };
    CompiledPolicy::parse("policy.toml", text, &context, &CallerOutlook::default())
        .map_err(|problems| problems.to_string())
}

const POLICY: &str = r#"
[[tier]]
name = "t"
bucket = "media"
prefix = "PREFIX"
download = {}
[[grant]]
tiers = "t"
operations = "download"
to = { groups = "GROUP" }
[[denial]]
to = { groups = "DENIED" }
"#;

fn policy(prefix: &str, group: &str, denied: &str) -> String {
    POLICY.replace("PREFIX", prefix).replace("GROUP", group).replace("DENIED", denied)
}

/// One policy for each kind of place of a variable.
fn places(reference: &str) -> [String; 3] {
    [policy(reference, "a", "b"), policy("x/", reference, "b"), policy("x/", "a", reference)]
}

#[test]
fn an_unlisted_or_unset_variable_is_an_error_in_prefixes_conditions_and_denials() {
    let paths = ["tier[0].prefix", "grant[0].to.groups", "denial[0].to.groups"];
    for (text, path) in places("${SECRET}/").iter().zip(paths) {
        let unlisted = with(&[("OTHER", Some("x"))], text).unwrap_err();
        assert!(unlisted.contains(&format!("{path} must not use the variable SECRET")), "{unlisted}");
        assert!(unlisted.contains("policy.variables"), "{unlisted}");
        let unset = with(&[("SECRET", None)], text).unwrap_err();
        assert!(
            unset.contains(&format!(
                "{path} uses the variable SECRET, which is not set; set it, or write ${{SECRET:-default}}"
            )),
            "{unset}"
        );
        assert!(with(&[("SECRET", Some("x"))], text).is_ok());
    }
    let with_default = policy("${SECRET:-x}/", "a", "b");
    assert!(with(&[], &with_default).is_err());
    assert!(with(&[("SECRET", None)], &with_default).is_ok());
}

#[test]
fn values_decide_as_if_they_were_in_the_file() {
    let compiled =
        with(&[("AREA", Some("a/b")), ("G", Some("it's \"g\""))], &policy("${AREA}/", "${G}", "no")).unwrap();
    let policy = compiled.policy;
    let member = json!({ "groups": ["it's \"g\""] });
    assert!(download(&policy, &member, "a/b/x").is_ok());
    assert_eq!(download(&policy, &member, "a/x").unwrap_err(), RefusalReason::NoTier);
    assert_eq!(download(&policy, &json!({ "groups": ["g"] }), "a/b/x").unwrap_err(), RefusalReason::NotGranted);
    let denied = json!({ "groups": ["it's \"g\"", "no"] });
    assert!(matches!(download(&policy, &denied, "a/b/x"), Err(RefusalReason::Denied(_))));
}

/// The same problems and warnings, and the same decisions, as the value in the file gives.
#[test]
fn a_value_counts_as_the_same_text_in_the_file() {
    let values = ["a", "*", "a*", "..", "a/b", "/", "", "}", "a\\b", "[a-z]", "é", "$x", "any"];
    for value in values {
        let escaped = value.replace('\\', "\\\\");
        let direct = |text: &str| with(&[], &text.replace("${V}", &escaped)).map_err(|_| ());
        for text in places("${V}/").into_iter().chain(places("${V}").into_iter().skip(1)) {
            let is_prefix = text.contains("prefix = \"${V}");
            let (from_variable, from_file) = (with(&[("V", Some(value))], &text).map_err(|_| ()), direct(&text));
            assert_eq!(from_variable.is_ok(), from_file.is_ok(), "{value} in {text}");
            let (Ok(from_variable), Ok(from_file)) = (from_variable, from_file) else { continue };
            assert_eq!(from_variable.warnings.count(), from_file.warnings.count(), "{value} in {text}");
            for key in ["a/x", "a/b/x", "x/x", "*/x", "é/x", "any/x"] {
                for groups in [json!(["a"]), json!([format!("{value}/")]), json!([value]), json!(["a", value])] {
                    let decide = |compiled: &CompiledPolicy| {
                        download(&compiled.policy, &json!({ "groups": groups }), key).map(drop)
                    };
                    assert_eq!(decide(&from_variable), decide(&from_file), "{value} {key} {is_prefix}");
                }
            }
        }
    }
}

#[test]
fn a_prefix_gets_no_template_from_a_variable() {
    let value = "{sub}";
    for prefix in ["users/${V}/", "${V:-x}/", "${W}${V}${U}/"] {
        let variables = [("V", Some(value)), ("W", Some("")), ("U", Some(""))];
        let problems = with(&variables, &policy(prefix, "a", "b")).unwrap_err();
        let rule = "policy.toml:5: tier[0].prefix must not get \"{\" or \"}\" from a variable";
        assert!(problems.contains(rule), "{problems}");
        assert!(!problems.contains(value), "{problems}");
    }
    let split = with(&[("A", Some("{su")), ("B", Some("b}"))], &policy("${A}${B}/", "a", "b")).unwrap_err();
    assert!(split.contains("from a variable"), "{split}");
    let inside = with(&[("A", Some("sub"))], &policy("users/{${A}}/", "a", "b")).unwrap_err();
    assert!(inside.contains("tier[0].prefix must not have a variable inside a template"), "{inside}");
    // Templates of the file stay, and braces in other places are text.
    assert!(with(&[("V", Some("users"))], &policy("${V}/{sub}/", "a", "b")).is_ok());
    assert!(with(&[("V", Some(value))], &policy("users/{sub}/", "${V}", "b")).is_ok());
    assert!(with(&[("V", Some(value))], &policy("users/", "a", "b")).is_ok());
}

#[test]
fn a_prefix_becomes_the_whole_bucket_in_the_file_only() {
    for (prefix, value) in [("${V}", Some("")), ("${V:-}", None), ("${V:-}", Some("")), ("${V}${V}", Some(""))] {
        let problems = with(&[("V", value)], &policy(prefix, "a", "b")).unwrap_err();
        assert!(problems.contains("policy.toml:5: tier[0].prefix must not become empty by a variable"), "{problems}");
    }
    assert!(with(&[("V", Some(""))], &policy("", "a", "b")).is_ok());
    assert!(with(&[("V", Some("a/"))], &policy("${V}", "a", "b")).is_ok());
}

#[test]
fn messages_do_not_show_values() {
    let secret = "hunter2/../secret";
    for text in [
        policy("${SECRET}", "a", "b"),
        POLICY.replace("bucket = \"media\"", "bucket = \"${SECRET}\"").replace("PREFIX", ""),
        POLICY.replace("name = \"t\"", "name = \"${SECRET}\"").replace("PREFIX", ""),
        POLICY.replace("tiers = \"t\"", "tiers = \"${SECRET}\"").replace("PREFIX", ""),
        POLICY.replace("operations = \"download\"", "operations = \"${SECRET}\"").replace("PREFIX", ""),
        POLICY.replace("groups = \"GROUP\"", "issuers = \"${SECRET}\"").replace("PREFIX", ""),
        POLICY.replace("groups = \"GROUP\"", "workloads = \"${SECRET}\"").replace("PREFIX", ""),
        POLICY.replace("groups = \"DENIED\"", "trust_domains = \"x-${SECRET}\"").replace("PREFIX", ""),
        POLICY.replace("download = {}", "download = { max_ttl = \"${SECRET}\" }").replace("PREFIX", ""),
        POLICY.replace("download = {}", "upload = { content_types = \"${SECRET}?\" }").replace("PREFIX", ""),
        POLICY.replace("download = {}", "download = {}\ninclude = \"${SECRET}\"").replace("PREFIX", ""),
        POLICY.replace("download = {}", "download = {}\nendpoints = \"${SECRET}\"").replace("PREFIX", ""),
        POLICY.replace("download = {}", "download = {}\nquota = { caller = \"${SECRET}\" }").replace("PREFIX", ""),
    ] {
        let problems = with(&[("SECRET", Some(secret))], &text).unwrap_err();
        assert!(!problems.contains("hunter2"), "{problems}");
        assert!(problems.lines().all(|line| line.starts_with("policy.toml:")), "{problems}");
    }
}

#[test]
fn a_warning_does_not_show_values() {
    let compiled = with(&[("SECRET", Some("hunter2*"))], &policy("x/", "${SECRET}", "b")).unwrap();
    let (lines, codes): (Vec<_>, Vec<_>) = compiled.warnings.lines().map(|(code, line)| (line, code)).unzip();
    assert_eq!(codes, [WarningCode::LiteralPattern]);
    assert!(lines[0].contains("grant[0].to.groups has \"${SECRET}\", which is compared literally"), "{lines:?}");
}

#[test]
fn a_dollar_that_is_no_variable_gives_a_warning_where_it_looks_like_one() {
    let text = policy("x/", "$${GROUP_NAME}", "b");
    let compiled = with(&[("GROUP_NAME", Some("g"))], &text).unwrap();
    let lines: Vec<_> = compiled.warnings.lines().collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].0, WarningCode::LiteralTemplate);
    assert!(lines[0].1.contains("write ${NAME} for a variable"), "{lines:?}");
    assert!(download(&compiled.policy, &json!({ "groups": ["${GROUP_NAME}"] }), "x/y").is_ok());
}

#[test]
fn the_hash_covers_the_text_and_the_variables() {
    let text = policy("${A}/", "a", "b");
    let hash = |variables: &[(&str, Option<&str>)]| with(variables, &text).unwrap().policy.hash();
    assert_eq!(hash(&[("A", Some("x"))]), hash(&[("A", Some("x"))]));
    assert_ne!(hash(&[("A", Some("x"))]), hash(&[("A", Some("y"))]));
    assert_ne!(hash(&[("A", Some("x"))]), hash(&[("A", Some("x")), ("B", Some(""))]));
    // `sha256sum` of the file.
    let plain = policy("x/", "a", "b");
    let checksum =
        access_broker_base::files::Checksum::parse(with(&[], &plain).unwrap().policy.hash().to_string().as_bytes());
    assert_eq!(checksum.unwrap().check(plain.as_bytes()), Ok(()));
}
