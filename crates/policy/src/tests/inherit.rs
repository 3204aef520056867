//! `inherit`: the rules of a tier above.

use super::*;

const TIERS: &str = r#"
    [[tier]]
    name = "top"
    bucket = "media"
    prefix = "a/"
    include = "*.top"
    endpoints = ["public"]
    quota = { caller = "1/s" }
    download = { max_ttl = "1m" }
    upload = {}
    [[tier]]
    name = "middle"
    bucket = "media"
    prefix = "a/b/"
    inherit = "top"
    download = {}
    [[tier]]
    name = "low"
    bucket = "media"
    prefix = "a/b/{sub}/"
    inherit = "middle"
    download = {}
    [[tier]]
    name = "alone"
    bucket = "media"
    prefix = "a/c/"
    download = {}
"#;

const GRANTS: &str = r#"
    [[grant]]
    name = "top-readers"
    tiers = "top"
    operations = "download"
    required_claims = "level"
    to = { groups = "readers" }
    [[grant]]
    name = "low-own"
    tiers = "low"
    operations = "download"
    to = { groups = "own" }
    [[grant]]
    name = "middle-readers"
    tiers = "middle"
    operations = "download"
    to = { groups = ["readers", "middle"] }
    [[denial]]
    name = "low-never"
    tiers = "low"
    to = { groups = "never" }
    [[denial]]
    name = "top-banned"
    tiers = "top"
    required_claims = "level"
    to = { groups = "banned" }
"#;

fn with(rules: &str) -> Policy {
    compile(&format!("{TIERS}{GRANTS}{rules}")).unwrap_or_else(|problems| panic!("{problems}"))
}

fn of_tier(policy: &Policy, tier: &str) -> (Vec<String>, Vec<String>) {
    let outline = policy.outline().iter().find(|outline| &*outline.name == tier).unwrap();
    let names = |names: &[Arc<str>]| names.iter().map(ToString::to_string).collect();
    (names(&outline.grants), names(&outline.denials))
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn the_rules_of_each_tier_above_apply_and_own_grants_come_first() {
    let policy = with("");
    assert_eq!(of_tier(&policy, "top"), (strings(&["top-readers"]), strings(&["top-banned"])));
    assert_eq!(of_tier(&policy, "middle"), (strings(&["middle-readers", "top-readers"]), strings(&["top-banned"])));
    let low = strings(&["low-own", "top-readers", "middle-readers"]);
    assert_eq!(of_tier(&policy, "low"), (low, strings(&["low-never", "top-banned"])));
    assert_eq!(of_tier(&policy, "alone"), (strings(&[]), strings(&[])));
    let inherit: Vec<_> = policy.outline().iter().map(|outline| outline.inherit.as_deref()).collect();
    assert_eq!(inherit, [None, Some("top"), Some("middle"), None]);
}

#[test]
fn inherited_grants_permit_with_their_conditions_and_required_claims() {
    let policy = with("");
    let rule =
        |claims: &Value, key: &str| download(&policy, claims, key).map(|permit| permit.object().rule().to_string());
    let reader = json!({ "sub": "ada", "groups": ["readers"], "level": 1 });
    assert_eq!(rule(&reader, "a/b/ada/x"), Ok("top-readers".to_owned()));
    assert_eq!(rule(&reader, "a/b/x"), Ok("middle-readers".to_owned()), "the tier's own grant is the first");
    assert_eq!(rule(&reader, "a/c/x"), Err(RefusalReason::NotGranted), "nothing is inherited unasked");
    let own = json!({ "sub": "ada", "groups": ["own", "readers"], "level": 1 });
    assert_eq!(rule(&own, "a/b/ada/x"), Ok("low-own".to_owned()));
    assert_eq!(
        rule(&json!({ "sub": "ada", "groups": ["other"], "level": 1 }), "a/b/ada/x"),
        Err(RefusalReason::NotGranted)
    );
    // The required claim is a part of the grant, so another grant is taken, or none.
    let unlevelled = with("[[grant]]\nname = 'x'\ntiers = 'top'\noperations = 'download'\nto = { issuers = 'any' }\n");
    let found = download(&unlevelled, &json!({ "groups": ["readers"] }), "a/b/x");
    assert!(matches!(found, Err(RefusalReason::Denied(_))), "a denial with required claims came along");
}

#[test]
fn denials_come_with_the_grants() {
    let policy = with("");
    let denied = |name: &str| Some(RefusalReason::Denied(name.into()));
    let reason = |claims: &Value, key: &str| download(&policy, claims, key).err();
    let banned = json!({ "sub": "ada", "groups": ["readers", "banned", "own"], "level": 1 });
    for key in ["a/x.top", "a/b/x", "a/b/ada/x"] {
        assert_eq!(reason(&banned, key), denied("top-banned"), "{key}");
    }
    // What a denial of the tier above requires is required here.
    let without_level = json!({ "sub": "ada", "groups": ["own", "middle"] });
    for key in ["a/b/x", "a/b/ada/x"] {
        assert_eq!(reason(&without_level, key), denied("top-banned"), "{key}");
    }
    // Denials of a tier do not go up.
    let never = json!({ "sub": "ada", "groups": ["middle", "never"], "level": 1 });
    assert_eq!((reason(&never, "a/b/x"), reason(&never, "a/b/ada/x")), (None, denied("low-never")));
}

#[test]
fn only_rules_are_inherited() {
    let policy = with("");
    let permit = download(&policy, &json!({ "groups": ["middle"], "level": 1 }), "a/b/x.other").unwrap();
    assert_eq!((permit.endpoint().as_str(), permit.lifetime().ttl), ("default", Duration::from_mins(15)));
    assert_eq!(permit.object().quota(), None);
    let reason = upload(&policy, &json!({ "groups": ["middle"], "level": 1 }), "a/b/x", RequestedUpload::default());
    assert_eq!(reason.unwrap_err(), RefusalReason::OperationNotOffered);
}

/// One tier below another, with these prefixes and settings. The lower one inherits from `name`.
fn problems(upper: &str, lower: &str, name: &str, rules: &str) -> String {
    let tier = |name: &str, settings: &str| format!("[[tier]]\nname = '{name}'\n{settings}\n");
    let lower = format!("{lower}\ninherit = '{name}'");
    compile_for(&[ISSUER, "https://other.example"], &format!("{}{}{rules}", tier("up", upper), tier("low", &lower)))
        .map_or_else(|problems| problems.to_string(), |_| String::new())
}

#[test]
fn only_a_tier_above_in_the_same_bucket_can_be_named() {
    let media = |prefix: &str| format!("bucket = 'media'\nprefix = '{prefix}'\ndownload = {{}}");
    let archive = |prefix: &str| media(prefix).replace("media", "archive");
    for (upper, lower) in
        [("", "a/"), ("a/", "a/b/"), ("a/{sub}/", "a/{claims.sub}/b/"), ("{claims.r:2}/", "{claims.r:2}/{sub}/")]
    {
        assert_eq!(problems(&media(upper), &media(lower), "up", ""), "", "{upper} {lower}");
    }
    for (upper, lower, name, rule) in [
        (media("a/"), media("a/b/"), "low", "tier[1].inherit must name another tier"),
        (media("a/"), media("a/b/"), "upp", "tier[1].inherit refers to undefined tier \"upp\""),
        (
            archive("a/"),
            media("a/b/"),
            "up",
            "tier[1].inherit must name a tier of the same bucket, and tier \"up\" is in \"archive\"",
        ),
        (
            media("a/b/"),
            media("a/"),
            "up",
            "tier[1].inherit must name a tier whose prefix is the beginning of this tier's: \"a/b/\" is not that of \"a/\"",
        ),
        (media("a/"), media("ab/"), "up", "tier[1].inherit must name a tier whose prefix is the beginning"),
        (
            media("a/{claims.r:2}/"),
            media("a/x/y/"),
            "up",
            "tier[1].inherit must name a tier whose prefix is the beginning",
        ),
        (media("{sub}/"), media("ada/b/"), "up", "tier[1].inherit must name a tier whose prefix is the beginning"),
        (media("a"), media("a/b/"), "up", "tier[0].prefix must end"),
        (media("a/"), media("a/b/"), "U p", "tier[1].inherit must be 1 to 63"),
    ] {
        let found = problems(&upper, &lower, name, "");
        assert!(found.contains(rule) && found.lines().count() == 1, "{rule}\n{found}");
    }
}

#[test]
fn tiers_of_one_prefix_can_inherit_and_make_no_circle() {
    let tier = |name: char, inherit: char| {
        let inherit = if inherit == '-' { String::new() } else { format!("inherit = '{inherit}'\n") };
        format!(
            "[[tier]]\nname = '{name}'\nbucket = 'media'\nprefix = 'x/'\ninclude = '*.{name}'\n{inherit}download = {{}}\n"
        )
    };
    let found = |pairs: &[(char, char)]| {
        let text: String = pairs.iter().map(|(name, inherit)| tier(*name, *inherit)).collect();
        compile(&text).map_or_else(|problems| problems.to_string(), |_| String::new())
    };
    assert_eq!(found(&[('a', 'b'), ('b', 'c'), ('c', '-')]), "");
    let circle = found(&[('a', 'b'), ('b', 'c'), ('c', 'b')]);
    let rule = "inherit makes a circle: the tier inherits from itself";
    assert_eq!(circle, format!("policy.toml:13: tier[1].{rule}\npolicy.toml:20: tier[2].{rule}"));
}

#[test]
fn inherited_grants_follow_the_rules_for_grants_of_the_tier() {
    let media = |prefix: &str, more: &str| format!("bucket = 'media'\nprefix = '{prefix}'\n{more}");
    let grant = |more: &str, to: &str| format!("[[grant]]\nname = 'g'\ntiers = 'up'\n{more}\nto = {to}\n");
    let anyone = "{ authenticated = true }";
    let up = media("a/", "download = {}\nupload = {}");
    let found = |lower: &str, rules: &str| problems(&up, lower, "up", rules);

    // An endpoint is left.
    let by_vpce = grant("operations = 'download'\nendpoints = ['vpce', 'public']", anyone);
    let only = |name: &str| media("a/b/", &format!("download = {{}}\nendpoints = '{name}'"));
    assert_eq!(found(&only("public"), &by_vpce), "");
    let rule = "policy.toml:13: tier[1].inherit inherits grant \"g\", which leaves the tier without an endpoint";
    assert_eq!(found(&only("default"), &by_vpce), rule);

    // Templates and several issuers.
    let own = media("a/{sub}/", "download = {}");
    assert_eq!(found(&own, &grant("operations = 'download'", &format!("{{ issuers = '{ISSUER}' }}"))), "");
    let rule = "policy.toml:12: tier[1].inherit inherits grant \"g\", which must have issuers, because several are \
                configured and the prefix of this tier comes from claims";
    assert_eq!(found(&own, &grant("operations = 'download'", anyone)), rule);

    // Some operation is of use.
    let downloads = media("a/b/", "download = {}");
    let uploads_only = grant("operations = 'upload'", anyone);
    assert_eq!(found(&downloads, &grant("operations = '*'", anyone)), "");
    assert_eq!(found(&downloads, &format!("{uploads_only}{}", grant("operations = 'download'", anyone))), "");
    let rule = "policy.toml:12: tier[1].inherit inherits grant \"g\", which grants upload, but no inherited grant is for an \
                operation that the tier has a table for";
    assert_eq!(found(&downloads, &uploads_only), rule);
    // A grant must be of use in the tiers that it names.
    let up = media("a/", "download = {}");
    let low = media("a/b/", "upload = {}");
    let rule = "grant[0].operations grants upload, but none of its tiers has the table upload";
    assert!(problems(&up, &low, "up", &uploads_only).contains(rule));
}
