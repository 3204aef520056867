//! `"*"` in `tiers` and `operations`.

use super::*;

const TIERS: &str = r#"
    [[tier]]
    name = "a"
    bucket = "media"
    prefix = "a/"
    download = {}
    [[tier]]
    name = "b"
    bucket = "archive"
    prefix = "b/"
    download = {}
    upload = { overwrite = true }
"#;

fn with(rules: &str) -> Result<Policy, String> {
    compile(&format!("{TIERS}{rules}")).map_err(|problems| problems.to_string())
}

fn rules_of(policy: &Policy, tier: &str) -> (Vec<String>, Vec<String>) {
    let outline = policy.outline().iter().find(|outline| &*outline.name == tier).unwrap();
    let names = |names: &[Arc<str>]| names.iter().map(ToString::to_string).collect();
    (names(&outline.grants), names(&outline.denials))
}

#[test]
fn a_star_means_every_tier_also_one_that_is_added_later() {
    for star in ["\"*\"", "[\"*\"]"] {
        let rules = format!(
            "[[grant]]\nname = 'all'\ntiers = {star}\noperations = 'download'\nto = {{ authenticated = true }}\n\
             [[denial]]\nname = 'none'\ntiers = {star}\noperations = 'upload'\nto = {{ authenticated = true }}\n"
        );
        let both = (vec!["all".to_owned()], vec!["none".to_owned()]);
        let policy = with(&rules).unwrap();
        assert_eq!((rules_of(&policy, "a"), rules_of(&policy, "b")), (both.clone(), both.clone()));
        assert!(download(&policy, &json!({}), "a/x").is_ok());
        let later = "[[tier]]\nname = 'c'\nbucket = 'media'\nprefix = 'c/'\ndownload = {}\n";
        assert_eq!(rules_of(&with(&format!("{rules}{later}")).unwrap(), "c"), both);
    }
}

#[test]
fn a_star_means_download_and_upload_and_never_an_operation_that_is_added_later() {
    let policy = with(
        "[[grant]]\ntiers = 'b'\noperations = '*'\nto = { authenticated = true }\n\
         [[denial]]\noperations = ['*']\nto = { groups = 'x' }\n",
    )
    .unwrap();
    let tier = policy.buckets[&archive()].tree.tiers().next().unwrap();
    // Every operation, were there more, would be another list.
    let both = [Operation::Download, Operation::Upload];
    assert_eq!(tier.grants[0].operations(), both);
    assert_eq!(tier.denials[0].operations(), both);
}

#[test]
fn a_star_stands_alone() {
    for (rule, problem) in [
        (
            "[[grant]]\ntiers = ['*', 'a']\noperations = 'download'\nto = { authenticated = true }",
            "grant[0].tiers cannot combine \"*\" with the name of a tier",
        ),
        (
            "[[grant]]\ntiers = ['a', '*']\noperations = 'download'\nto = { authenticated = true }",
            "grant[0].tiers cannot combine \"*\" with the name of a tier",
        ),
        (
            "[[grant]]\ntiers = 'b'\noperations = ['download', '*']\nto = { authenticated = true }",
            "grant[0].operations cannot combine \"*\" with an operation",
        ),
        (
            "[[grant]]\ntiers = 'b'\noperations = ['*', '*']\nto = { authenticated = true }",
            "grant[0].operations cannot combine \"*\" with an operation",
        ),
        (
            "[[denial]]\ntiers = ['*', 'a']\nto = { authenticated = true }",
            "denial[0].tiers cannot combine \"*\" with the name of a tier",
        ),
        (
            "[[grant]]\ntiers = 'a*'\noperations = 'download'\nto = { authenticated = true }",
            "grant[0].tiers refers to undefined tier \"a*\"",
        ),
        (
            "[[grant]]\ntiers = 'b'\noperations = '**'\nto = { authenticated = true }",
            "grant[0].operations has the unknown operation \"**\"",
        ),
    ] {
        let problems = with(rule).unwrap_err();
        assert!(problems.contains(problem) && problems.lines().count() == 1, "{rule}\n{problems}");
    }
}

#[test]
fn the_rules_for_grants_apply_to_every_tier_of_a_star() {
    let star = |operations: &str, more: &str| {
        format!("[[grant]]\ntiers = '*'\noperations = '{operations}'\nto = {{ authenticated = true }}\n{more}")
    };
    let own = "[[tier]]\nname = 'own'\nbucket = 'media'\nprefix = 'u/{sub}/'\ndownload = {}\n";
    let at =
        |issuers: &[&str], text: &str| compile_for(issuers, text).map(drop).map_err(|problems| problems.to_string());
    let issuers = [ISSUER, "https://other.example"];
    assert!(at(&issuers, &format!("{TIERS}{}", star("download", ""))).is_ok());
    assert!(at(&issuers[..1], &format!("{TIERS}{own}{}", star("download", ""))).is_ok());
    let problems = at(&issuers, &format!("{TIERS}{own}{}", star("download", ""))).unwrap_err();
    assert!(problems.contains("grant[0].to must have issuers") && problems.contains("tier \"own\""), "{problems}");

    let problems = with(&star("download", "endpoints = 'vpce'\n")).unwrap_err();
    assert!(problems.contains("grant[0].endpoints leaves tier \"b\" without an endpoint"), "{problems}");

    let only_downloads = "[[tier]]\nname = 'a'\nbucket = 'media'\nprefix = 'a/'\ndownload = {}\n";
    let problems = at(&[ISSUER], &format!("{only_downloads}{}", star("*", ""))).unwrap_err();
    assert!(problems.contains("grant[0].operations grants upload, but none of its tiers has"), "{problems}");
    // Perhaps the tier that is not valid has uploads.
    let invalid = "[[tier]]\nname = 'c'\nbucket = 'media'\nprefix = 'c'\nupload = {}\n";
    let problems = at(&[ISSUER], &format!("{only_downloads}{invalid}{}", star("*", ""))).unwrap_err();
    assert!(problems.contains("tier[1].prefix must end") && problems.lines().count() == 1, "{problems}");
}
