//! Several tiers on one prefix, told apart by `include`.

use super::*;

const TIERS: &str = r#"
    [[tier]]
    name = "pictures"
    bucket = "media"
    prefix = "m/"
    include = ["**/*.jpg", "**/*.jpg"]
    download = {}
    upload = {}
    [[tier]]
    name = "letters"
    bucket = "media"
    prefix = "m/"
    include = "**/*.pdf"
    download = {}
    [[tier]]
    name = "secrets"
    bucket = "media"
    prefix = "m/"
    include = "secret.*"
    download = {}
    upload = {}
    [[tier]]
    name = "everything"
    bucket = "media"
    prefix = ""
    download = {}
    upload = {}
    [[grant]]
    name = "all"
    tiers = "*"
    operations = "*"
    to = { authenticated = true }
"#;

fn with(rules: &str) -> Policy {
    compile(&format!("{TIERS}{rules}")).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The tier of a permit, or the reason and the tier of a refusal.
fn outcome(policy: &Policy, claims: &Value, key: &str) -> Result<String, (RefusalReason, Option<String>)> {
    let found = read(policy, &caller(claims), key);
    let tier = |tier: Option<Arc<str>>| tier.map(|name| name.to_string());
    found.map(|permit| permit.object().tier().to_string()).map_err(|refusal| (refusal.reason, tier(refusal.tier)))
}

fn refused(reason: RefusalReason, tier: &str) -> Result<String, (RefusalReason, Option<String>)> {
    Err((reason, Some(tier.to_owned())))
}

#[test]
fn a_key_is_in_the_tier_whose_include_matches_it() {
    let (policy, anyone) = (with(""), json!({}));
    for (key, tier) in
        [("m/a.jpg", "pictures"), ("m/x/a.pdf", "letters"), ("m/secret.txt", "secrets"), ("n/a.jpg", "everything")]
    {
        assert_eq!(outcome(&policy, &anyone, key), Ok(tier.to_owned()), "{key}");
    }
    // None includes it, and it does not fall to a tier with a shorter prefix.
    assert_eq!(outcome(&policy, &anyone, "m/a.txt"), Err((RefusalReason::NotIncluded, None)));
}

#[test]
fn a_key_that_two_tiers_include_is_in_neither() {
    let policy = with("");
    for (key, first) in [("m/secret.jpg", "pictures"), ("m/secret.pdf", "letters")] {
        assert_eq!(outcome(&policy, &json!({}), key), refused(RefusalReason::TierAmbiguous, first), "{key}");
    }
    let reason = upload(&policy, &json!({}), "m/secret.jpg", RequestedUpload::default()).unwrap_err();
    assert_eq!((reason.code(), &reason), ("tier_ambiguous", &RefusalReason::TierAmbiguous));
    let verified = policy.decide_verification(&caller(&json!({})), &object("media", "m/secret.jpg"), false);
    assert_eq!(verified.unwrap_err().reason, RefusalReason::TierAmbiguous);
    // Nor does it matter that only one of them has the operation.
    let reason = upload(&policy, &json!({}), "m/secret.pdf", RequestedUpload::default()).unwrap_err();
    assert_eq!(reason, RefusalReason::TierAmbiguous);
}

#[test]
fn a_denial_of_either_tier_is_the_reason() {
    let denied = |name: &str, tier| refused(RefusalReason::Denied(name.into()), tier);
    let elsewhere = |name: &str, tier| refused(RefusalReason::ClaimElsewhere(Some(name.into())), tier);
    let policy = with(
        r#"
        [[denial]]
        name = "letters-a"
        tiers = "letters"
        to = { groups = "a" }
        [[denial]]
        name = "secrets-a"
        tiers = "secrets"
        operations = "download"
        to = { groups = "a" }
        [[denial]]
        name = "pictures-d"
        tiers = "pictures"
        to = { claims = { d = "1" } }
        [[denial]]
        name = "secrets-b"
        tiers = "secrets"
        to = { groups = "b" }
        "#,
    );
    let (a, b, none) = (json!({ "groups": ["a"] }), json!({ "groups": ["b"] }), json!({ "groups": ["c"] }));
    assert_eq!(outcome(&policy, &a, "m/secret.jpg"), denied("secrets-a", "secrets"));
    assert_eq!(outcome(&policy, &a, "m/secret.pdf"), denied("letters-a", "letters"), "the first tier comes first");
    assert_eq!(outcome(&policy, &b, "m/secret.jpg"), denied("secrets-b", "secrets"));
    assert_eq!(outcome(&policy, &none, "m/secret.jpg"), refused(RefusalReason::TierAmbiguous, "pictures"));
    // A denial of a tier that does not include the key, or of another operation, says nothing about it.
    assert_eq!(outcome(&policy, &a, "m/a.jpg"), Ok("pictures".to_owned()));
    let other = upload(&policy, &a, "m/secret.jpg", RequestedUpload::default()).unwrap_err();
    assert_eq!(other, RefusalReason::TierAmbiguous);
    // One that holds comes before one that may hold, whatever the order.
    let sources = |name: &str| json!({ name: "src1" });
    let groups_elsewhere = json!({ "_claim_names": sources("groups") });
    assert_eq!(outcome(&policy, &groups_elsewhere, "m/secret.jpg"), elsewhere("secrets-a", "secrets"));
    let d_elsewhere = json!({ "_claim_names": sources("d"), "groups": ["b"] });
    assert_eq!(outcome(&policy, &d_elsewhere, "m/secret.jpg"), denied("secrets-b", "secrets"));
    let d_only = json!({ "_claim_names": sources("d"), "groups": [] });
    assert_eq!(outcome(&policy, &d_only, "m/secret.jpg"), elsewhere("pictures-d", "pictures"));
}

#[test]
fn a_prefix_that_may_match_is_named_by_its_first_tier() {
    let tiers = ["z", "a"].map(|name| {
        format!("[[tier]]\nname = '{name}'\nbucket = 'media'\nprefix = '{{claims.t}}/'\ninclude = '*.{name}'\ndownload = {{}}\n")
    });
    let policy = compile(&format!(
        "{}[[grant]]\ntiers = '*'\noperations = 'download'\nto = {{ authenticated = true }}\n",
        tiers.concat()
    ))
    .unwrap();
    let elsewhere = json!({ "_claim_names": { "t": "src1" } });
    assert_eq!(outcome(&policy, &elsewhere, "x/k.a"), refused(RefusalReason::ClaimElsewhere(None), "z"));
    // The token has the value, so the prefix is certain although there may be other values.
    let known = json!({ "t": "x", "_claim_names": { "t": "src1" } });
    assert_eq!(outcome(&policy, &known, "x/k.a"), Ok("a".to_owned()));
    assert_eq!(outcome(&policy, &known, "x/k.z"), Ok("z".to_owned()));
}

fn problems(text: &str) -> String {
    compile(text).map(drop).unwrap_err().to_string()
}

/// Tiers named `a`, `b` and so on, each with this prefix and `include`.
fn tiers(settings: &[(&str, &str)]) -> String {
    let tier = |(name, (prefix, include)): (char, &(&str, &str))| {
        format!("[[tier]]\nname = '{name}'\nbucket = 'media'\nprefix = '{prefix}'\n{include}\ndownload = {{}}\n")
    };
    ('a'..).zip(settings).map(tier).collect()
}

#[test]
fn each_tier_of_a_prefix_needs_an_include() {
    let rule =
        "tier[1].prefix repeats the prefix of tier \"a\": tiers can have the same prefix only if each has include";
    for (one, other) in [("", ""), ("include = '*.a'", ""), ("", "include = '*.a'")] {
        let found = problems(&tiers(&[("x/", one), ("x/", other)]));
        assert_eq!(found, format!("policy.toml:10: {rule}"), "{one} {other}");
    }
    assert!(compile(&tiers(&[("x/", "include = '*.a'"), ("x/", "include = '*.b'"), ("y/", "")])).is_ok());
}

#[test]
fn two_tiers_of_a_prefix_do_not_have_the_same_glob() {
    let found = problems(&tiers(&[("x/", "include = ['*.c', '*.a']"), ("x/", "include = ['*.d',\n'*.a', '*.a']")]));
    let rule = "tier[1].include has \"*.a\" like tier \"a\": two tiers include the same keys";
    assert_eq!(found, format!("policy.toml:12: {rule}"));
    // By templates that are written in two ways, too.
    let found = problems(&tiers(&[("{sub}/", "include = '*.a'"), ("{claims.sub}/", "include = '*.a'")]));
    assert!(found.contains(rule), "{found}");
    // Other prefixes and other buckets have other keys.
    assert!(compile(&tiers(&[("x/", "include = ['*.a', '*.a']"), ("y/", "include = '*.a'")])).is_ok());
    let in_archive = tiers(&[("x/", "include = '*.a'")]).replace("'a'", "'z'").replace("media", "archive");
    assert!(compile(&format!("{}{in_archive}", tiers(&[("x/", "include = '*.a'")]))).is_ok());
}

#[test]
fn the_globs_of_a_prefix_are_bounded_together() {
    let globs = |letter: char, count: usize| {
        let glob = |index: usize| format!("'{letter}{index:02}{}'", "x".repeat(1_021));
        format!("include = [{}]", (0..count).map(glob).collect::<Vec<_>>().join(","))
    };
    let (half, more) = (globs('a', 16), globs('b', 17));
    assert!(compile(&tiers(&[("x/", &half), ("x/", &globs('b', 16))])).is_ok());
    assert!(compile(&tiers(&[("x/", &half), ("y/", &more)])).is_ok());
    let found = problems(&tiers(&[("x/", &half), ("x/", &more), ("x/", "include = 'c'")]));
    let rule = "tier[1].include must not have more than 32 KiB of globs in all tiers of the prefix";
    assert_eq!(found, format!("policy.toml:11: {rule}"));
}
