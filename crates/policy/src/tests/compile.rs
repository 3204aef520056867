use super::*;
use access_broker_base::document::Variables;

#[test]
fn all_problems_are_reported_at_once_with_their_lines() {
    let problems = compile(
        r#"[[tier]]
name = "a"
bucket = "media"
prefix = "tier 1"
download = { max_ttl = "8days", default_ttl = "0s", colour = "red" }

[[tier]]
name = "a"
bucket = "nowhere"
prefix = "x/../"
include = ["[", "*.jpg"]
upload = { max_size = "6GiB", content_types = ["jpeg"], checksum = ["sha3"], overwrite = "no" }

[[grant]]
tiers = ["a", "b"]
operations = ["download", "delete"]
to = { issuers = ["https://evil.example"], groups = [], claims = { tenant = [] } }

[[grant]]
operations = ["upload"]
to = {}

[[denial]]
to = { claims = { sub = "x" } }

[colour]
"#,
    )
    .unwrap_err();
    let found: Vec<String> = problems.to_string().lines().map(str::to_owned).collect();
    let expected = [
        "policy.toml:4: tier[0].prefix must end with \"/\"",
        "policy.toml:5: tier[0].download.max_ttl must be between 1s and 7d",
        "policy.toml:5: tier[0].download.default_ttl must be between 1s and 7d",
        "policy.toml:5: tier[0].download.colour is not a known setting",
        "policy.toml:10: tier[1].prefix must not contain \".\" or \"..\"",
        "policy.toml:11: tier[1].include has an invalid glob: \"[\" has a '[' without its ']'",
        "policy.toml:12: tier[1].upload.max_size must be between 1B and 5GiB",
        "policy.toml:12: tier[1].upload.content_types has \"jpeg\", which is neither",
        "policy.toml:12: tier[1].upload.checksum has the unknown algorithm \"sha3\"",
        "policy.toml:12: tier[1].upload.overwrite must be true or false",
        "policy.toml:15: grant[0].tiers refers to undefined tier \"b\"",
        "policy.toml:16: grant[0].operations has the unknown operation \"delete\"",
        "policy.toml:17: grant[0].to.issuers refers to undefined issuer \"https://evil.example\"",
        "policy.toml:17: grant[0].to.groups must not be an empty list",
        "policy.toml:17: grant[0].to.claims.tenant must not be an empty list",
        "policy.toml:19: grant[1].tiers is required",
        "policy.toml:21: grant[1].to must have a condition",
        "policy.toml:24: denial[0].to must have issuers together with claims.sub",
        "policy.toml:26: colour is not a known setting",
    ];
    for rule in expected {
        assert!(found.iter().any(|line| line.starts_with(rule)), "missing: {rule}\n{problems}");
    }
}

#[test]
fn rules_between_tiers_are_checked_too() {
    for (text, rule) in [
        (
            r#"tier = [{ name = "a", bucket = "media", prefix = "x/", download = {} }, { name = "b", bucket = "media", prefix = "x/", download = {} }]"#,
            "tier[1].prefix repeats the prefix of tier \"a\"",
        ),
        (
            r#"tier = [{ name = "a", bucket = "media", prefix = "{sub}/", download = {} }, { name = "b", bucket = "media", prefix = "{claims.x}/y/", download = {} }]"#,
            "tier[1].prefix has a template where another tier has a different one",
        ),
        (
            r#"tier = [{ name = "a", bucket = "media", prefix = "", download = {} }, { name = "a", bucket = "archive", prefix = "", download = {} }]"#,
            "tier[1].name repeats the name of another tier",
        ),
        (
            r#"tier = [{ name = "a", bucket = "elsewhere", prefix = "", download = {} }]"#,
            "tier[0].bucket refers to undefined bucket \"elsewhere\"",
        ),
        (
            r#"
            tier = [{ name = "a", bucket = "media", prefix = "", download = {} }]
            grant = [{ tiers = ["a"], operations = ["upload"], to = { authenticated = true } }]
            "#,
            "grant[0].operations grants upload, but none of its tiers has the table upload",
        ),
        (
            r#"tier = [{ name = "a", bucket = "media", prefix = "" }]"#,
            "tier[0] must have a download or an upload table",
        ),
        (r#"tier = [{ name = "a", bucket = "media", prefix = "a{sub}/", download = {} }]"#, "only as a whole segment"),
        (r#"tier = [{ name = "a", bucket = "media", prefix = "{aud}/", download = {} }]"#, "unknown template"),
        (
            r#"
            tier = [{ name = "a", bucket = "media", prefix = "", download = {} }]
            grant = [{ tiers = ["a"], operations = ["download"], to = { authenticated = false } }]
            "#,
            "grant[0].to.authenticated must be true",
        ),
        (
            r#"
            tier = [{ name = "a", bucket = "media", prefix = "", download = {} }]
            grant = [{ tiers = ["a"], operations = ["download"] }]
            "#,
            "grant[0].to is required",
        ),
        (
            r#"tier = [{ name = "a", bucket = "media", prefix = "", download = { max_ttl = "1m", default_ttl = "2m" } }]"#,
            "default_ttl must not be longer than max_ttl (1m)",
        ),
        ("", "must have at least one [[tier]]"),
        (
            r#"
            tier = [{ name = "a", bucket = "media", prefix = "", download = {} }]
            denial = [{ tiers = [], to = { authenticated = true } }]
            "#,
            "denial[0].tiers must not be an empty list",
        ),
        (
            r#"
            tier = [{ name = "a", bucket = "media", prefix = "", download = {} }]
            denial = [{ operations = [], to = { authenticated = true } }]
            "#,
            "denial[0].operations must not be an empty list",
        ),
        (
            r#"
            tier = [{ name = "a", bucket = "media", prefix = "x", download = {} }]
            grant = [{ tiers = ["a"], operations = ["download"], to = { authenticated = true } }]
            "#,
            "tier[0].prefix must end with",
        ),
    ] {
        let problems = compile(text).unwrap_err().to_string();
        assert!(problems.contains(rule), "{problems}\nlacks: {rule}");
        assert_eq!(problems.lines().count(), 1, "{problems}");
    }
}

#[test]
fn a_prefix_from_claims_needs_named_issuers_where_several_are_trusted() {
    let profile = BucketProfile::at_aws([EndpointName::default_endpoint()]);
    let buckets = BTreeMap::from([(BucketName::parse("media").unwrap(), profile)]);
    let issuers = BTreeSet::from([ISSUER.to_owned(), "https://other.example".to_owned()]);
    let context = PolicyContext {
        buckets: &buckets,
        issuers: &issuers,
        trust_domains: &BTreeSet::new(),
        variables: &Variables::None,
        members: None,
    };
    let policy = |to: &str| {
        let text = format!(
            r#"
            tier = [{{ name = "own", bucket = "media", prefix = "users/{{sub}}/", download = {{}} }}]
            grant = [{{ tiers = ["own"], operations = ["download"], to = {to} }}]
            "#
        );
        Policy::parse("policy.toml", &text, &context)
    };
    let problems = policy("{ authenticated = true }").unwrap_err().to_string();
    assert!(problems.starts_with("policy.toml:3: grant[0].to must have issuers"), "{problems}");
    assert!(policy(r#"{ issuers = ["https://issuer.example"] }"#).is_ok());
}

#[test]
fn the_outline_has_the_rules_of_each_tier() {
    let policy = compile(include_str!("../../../../src/dev/policy.toml")).unwrap();
    let outline = policy.outline();
    assert_eq!(outline.len(), 2);
    assert_eq!(outline[0].operations, [Operation::Download]);
    assert_eq!(outline[0].grants.iter().map(AsRef::as_ref).collect::<Vec<_>>(), ["grant[0]", "grant[1]"]);
    assert_eq!(outline[1].operations, Operation::ALL);
}

#[test]
fn workloads_must_be_provable_ones() {
    let policy = |to: &str| {
        compile(&format!(
            "tier = [{{ name = 't', bucket = 'media', prefix = '', download = {{}} }}]\n\
             grant = [{{ tiers = 't', operations = 'download', to = {to} }}]"
        ))
    };
    assert!(policy("{ workloads = 'spiffe://prod.example/a', trust_domains = ['prod.example'] }").is_ok());
    for (to, rule) in [
        (
            "{ workloads = 'prod.example/a' }",
            "has \"prod.example/a\", which is neither a SPIFFE ID nor a Linkerd identity",
        ),
        ("{ workloads = 'spiffe://prod.example' }", "which is neither a SPIFFE ID nor a Linkerd identity"),
        ("{ workloads = 'spiffe://other.example/a' }", "has the trust domain \"other.example\", which no listener"),
        ("{ trust_domains = 'spiffe://prod.example' }", "which no listener and no issuer"),
        ("{ workloads = [] }", "grant[0].to.workloads must not be an empty list"),
        ("{ trust_domains = '' }", "grant[0].to.trust_domains must not have an empty value"),
    ] {
        let problems = policy(to).unwrap_err().to_string();
        assert!(problems.contains(rule), "{problems}\nlacks: {rule}");
        assert_eq!(problems.lines().count(), 1, "{problems}");
    }
}

#[test]
fn invalid_globs_are_reported_with_their_rule_and_globs_are_bounded_in_number() {
    let include = |patterns: &str| {
        compile(&format!(
            "tier = [{{ name = 't', bucket = 'media', prefix = '', download = {{}}, include = [{patterns}] }}]"
        ))
        .map_err(|problems| problems.to_string())
    };
    let problem = |patterns: &str| include(patterns).unwrap_err();
    assert_eq!(
        problem(r"'**.jpg', '*.png', 'a\'"),
        "policy.toml:1: tier[0].include has an invalid glob: \"**.jpg\" has '**' next to other characters: '**' \
         must be a whole segment, as in '**/*.jpg'\n\
         policy.toml:1: tier[0].include has an invalid glob: \"a\\\" has a '\\' without a character after it in \
         its segment; '/' cannot be escaped"
    );
    assert!(problem(r#""a\nb""#).contains(r#"invalid glob: "a\nb" has a control character"#));
    let shown = format!("invalid glob: \"{}…\" is longer than 1,024 bytes", "é".repeat(80));
    assert!(problem(&format!("'{}'", "é".repeat(513))).contains(&shown));
    assert!(problem(&format!("'{}/'", "é".repeat(79))).contains(&format!("\"{}/\" has an empty", "é".repeat(79))));
    assert!(problem("").ends_with("tier[0].include must not be an empty list; leave it out to include every key"));

    let globs = |count: usize| vec![format!("'{}'", "a".repeat(1_024)); count].join(", ");
    assert!(include(&globs(32)).is_ok());
    let too_many = problem(&format!("{}, 'a'", globs(32)));
    assert_eq!(too_many, "policy.toml:1: tier[0].include must not have more than 32 KiB of globs");
}

#[test]
fn an_include_is_matched_with_what_follows_the_prefix() {
    let policy = compile(
        r#"
        tier = [
            { name = "fixed", bucket = "media", prefix = "a/b/", download = {}, include = ["x[!0-9]y.pdf", "é?"] },
            { name = "own", bucket = "media", prefix = "u/{sub}/", download = {}, include = ["*.jpg"] },
        ]
        grant = [{ tiers = ["fixed", "own"], operations = "download", to = { authenticated = true } }]
        "#,
    )
    .unwrap();
    let own = json!({ "sub": "ädä" });
    for key in ["a/b/x-y.pdf", "a/b/éé", "u/ädä/a.jpg"] {
        assert!(download(&policy, &own, key).is_ok(), "{key}");
    }
    for key in ["a/b/x/y.pdf", "a/b/x1y.pdf", "a/b/é", "a/b/c/éé", "u/ädä/b/a.jpg", "u/ädä/a.png"] {
        assert_eq!(download(&policy, &own, key).unwrap_err(), RefusalReason::NotIncluded, "{key}");
    }
}

#[test]
fn the_name_of_a_rule_is_seen_as_it_is() {
    for name in ["a\\nall good", "\\u001b[31m", "a\\u202Eb", "\\u200B"] {
        let text = format!(
            "tier = [{{ name = \"a\", bucket = \"media\", prefix = \"\", download = {{}} }}]\n[[denial]]\nname = \"{name}\"\nto = {{ authenticated = true }}"
        );
        let problems = compile(&text).unwrap_err().to_string();
        assert!(problems.contains("denial[0].name must not have control characters"), "{problems}");
    }
}
