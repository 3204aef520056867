//! Settings of issuers: claims, audiences, subjects and tenants.

use super::*;
use access_broker_identity::{ClaimPath, GroupsText, IssuerSettings, TokenProfile};

/// The configuration with these lines in its issuer.
fn with(lines: &str) -> String {
    GOOD.replace("audiences = ", &format!("{lines}\naudiences = "))
}

fn issuer_with(lines: &str) -> IssuerSettings {
    parse(&with(lines)).unwrap_or_else(|problems| panic!("{problems}\nin:\n{lines}")).issuers.remove(0)
}

fn names(claims: &[ClaimPath]) -> Vec<&str> {
    claims.iter().map(ClaimPath::as_str).collect()
}

/// Each problem of a configuration with these lines, without the place before it.
fn problems_with(lines: &str) -> Vec<String> {
    let problems = parse(&with(lines)).unwrap_err().to_string();
    let texts = problems.lines().map(|line| line.split_once("issuer[0].").unwrap().1.to_owned());
    texts.collect()
}

#[test]
fn claims_are_names_and_paths() {
    let issuer = issuer_with("");
    assert_eq!(names(&issuer.subject_claims), ["sub"]);
    assert_eq!((names(&issuer.groups_claims), names(&issuer.scopes_claims)), (vec!["groups"], vec!["scope"]));
    assert_eq!((issuer.groups_text, names(&issuer.required_claims)), (GroupsText::One, vec![]));
    assert!(issuer.audience_claim.is_none() && !issuer.ignores_aud && issuer.tenant.is_none());
    let issuer = issuer_with(
        "subject_claim = ['sub', 'common_name', '/user/id']\ngroups_claim = ['/realm_access/roles', '/groups']\n\
         groups_text = 'commas'\nscopes_claim = 'scp'\nrequired_claims = ['realm_access.roles', '/a~1b/c']\n\
         audience_claim = '/ext/client'\naud = 'ignored'",
    );
    assert_eq!(names(&issuer.subject_claims), ["sub", "common_name", "/user/id"]);
    assert_eq!(names(&issuer.groups_claims), ["/realm_access/roles", "groups"]);
    assert_eq!((issuer.groups_text, names(&issuer.scopes_claims)), (GroupsText::Commas, vec!["scp"]));
    assert_eq!(names(&issuer.required_claims), ["realm_access.roles", "/a~1b/c"]);
    assert_eq!(issuer.audience_claim.as_ref().map(ClaimPath::as_str), Some("/ext/client"));
    assert!(issuer.ignores_aud);
    assert_eq!(issuer_with("groups_text = 'spaces'").groups_text, GroupsText::Spaces);
    let checked = issuer_with("audience_claim = 'azp'\naud = 'checked'\ntoken_type = 'at+jwt'");
    assert!(!checked.ignores_aud && checked.profile == TokenProfile::AccessToken);
    let pool = "preset = 'cognito'\njwks_file = 'k'";
    assert_eq!(names(&issuer_with(pool).groups_claims), ["cognito:groups"]);
    let attribute = issuer_with(&format!("{pool}\ngroups_claim = 'custom:groups'\ngroups_text = 'commas'"));
    assert_eq!((names(&attribute.groups_claims), attribute.groups_text), (vec!["custom:groups"], GroupsText::Commas));
}

#[test]
fn invalid_claims_are_reported_once() {
    for key in ["subject_claim", "groups_claim", "scopes_claim", "required_claims"] {
        for (value, rule) in [
            ("''", "must have 1 to 1024 bytes"),
            ("'/'", "must be a path without empty names: one \"/\" before each name and none at the end"),
            ("['/a', '/b~2']", "must be a path in which \"~\" in a name is written ~0, and \"/\" in a name ~1"),
            ("'/1/2/3/4/5/6/7/8/9'", "must be a path of at most 8 names"),
            ("['a', '/a']", "must not have the same entry twice"),
        ] {
            assert_eq!(problems_with(&format!("{key} = {value}")), [format!("{key} {rule}")], "{value}");
        }
    }
    for key in ["subject_claim", "groups_claim", "scopes_claim"] {
        assert_eq!(problems_with(&format!("{key} = []")), [format!("{key} must have at least one entry")]);
    }
    assert!(issuer_with("required_claims = []").required_claims.is_empty());
    assert_eq!(problems_with("audience_claim = '/'").len(), 1);
    assert_eq!(problems_with("groups_text = 'lines'"), ["groups_text must be one of: one, spaces, commas"]);
    assert_eq!(problems_with("aud = 'x'"), ["aud must be one of: checked, ignored"]);
}

#[test]
fn settings_that_do_not_fit_the_preset_are_refused() {
    let only_oidc = "applies only when preset = \"oidc\"";
    for preset in ["cognito", "kubernetes", "spiffe"] {
        let preset = format!("preset = '{preset}'\njwks_file = 'k'");
        let found = problems_with(&format!("{preset}\naudience_claim = 'azp'"));
        assert!(found.contains(&format!("audience_claim {only_oidc}")), "{found:?}");
    }
    for preset in ["kubernetes", "spiffe"] {
        let found = problems_with(&format!("preset = '{preset}'\njwks_file = 'k'\nsubject_claim = 'email'"));
        let rule = "must not be set when preset is \"kubernetes\" or \"spiffe\": their subject is sub";
        assert!(found.contains(&format!("subject_claim {rule}")), "{found:?}");
    }
    assert_eq!(
        problems_with("aud = 'ignored'"),
        ["aud can be \"ignored\" only with audience_claim, which then has the audience"]
    );
}

/// The configuration with this issuer.
fn of_tenants(issuer: &str, lines: &str) -> String {
    with(lines).replace("https://login.example.com", issuer)
}

#[test]
fn each_tenant_is_an_issuer() {
    let text = of_tenants(
        "https://login.example/{tid}/v2.0",
        "tenants = ['t-1', 'contoso.example']\nrequired = true\njwks_url = 'https://{tid}.example/{tid}/keys'",
    );
    let config = parse(&text).unwrap();
    let found: Vec<_> =
        config.issuers.iter().map(|issuer| (issuer.issuer.as_str(), issuer.tenant.as_deref())).collect();
    assert_eq!(
        found,
        [
            ("https://login.example/t-1/v2.0", Some("t-1")),
            ("https://login.example/contoso.example/v2.0", Some("contoso.example")),
        ]
    );
    let required: Vec<&str> = config.required_issuers.iter().map(String::as_str).collect();
    assert_eq!(required, ["https://login.example/contoso.example/v2.0", "https://login.example/t-1/v2.0"]);
    for (issuer, url) in config
        .issuers
        .iter()
        .zip(["https://t-1.example/t-1/keys", "https://contoso.example.example/contoso.example/keys"])
    {
        assert_eq!(issuer.key_location, KeyLocation::JwksUrl(url::Url::parse(url).unwrap()));
    }
    let discovered = parse(&of_tenants("https://login.example/{tid}", "tenants = 't-1'")).unwrap();
    assert_eq!(discovered.issuers[0].key_location, KeyLocation::Discovery);
    let shared = of_tenants("https://{tid}.example", "tenants = ['a', 'b']\njwks_url = 'https://keys.example'");
    let shared = parse(&shared).unwrap();
    assert_eq!(shared.issuers[0].key_location, shared.issuers[1].key_location);
    let in_file = of_tenants("https://{tid}.example", "tenants = ['a', 'b']\njwks_file = '{tid}.json'");
    let in_file = parse(&in_file).unwrap();
    assert_eq!(in_file.issuers[1].key_location, KeyLocation::JwksFile("/etc/access-broker/{tid}.json".into()));
    // Without tenants it is an ordinary text.
    let plain = parse(&of_tenants("https://login.example/{tid}", "")).unwrap();
    assert_eq!((plain.issuers[0].issuer.as_str(), &plain.issuers[0].tenant), ("https://login.example/{tid}", &None));
}

#[test]
fn tenants_are_listed_with_an_issuer_that_has_their_place() {
    let found = |issuer: &str, lines: &str| {
        let problems = parse(&of_tenants(issuer, lines)).unwrap_err().to_string();
        problems.lines().map(|line| line.split_once(".toml:").unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    let issuer = "https://login.example/{tid}/v2.0";
    for other in ["https://login.example", "https://{tid}.example/{tid}"] {
        let rule = "6: issuer[0].issuer must have {tid} exactly once where tenants is set";
        assert_eq!(found(other, "tenants = ['a', 'b']"), [rule]);
    }
    for ids in ["[]".to_owned(), format!("{:?}", (0..101).map(|id| id.to_string()).collect::<Vec<_>>())] {
        assert_eq!(found(issuer, &format!("tenants = {ids}")), ["7: issuer[0].tenants must have 1 to 100 ids"]);
    }
    assert_eq!(found(issuer, "tenants = ['a', 'b', 'a']"), ["7: issuer[0].tenants must not have the same entry twice"]);
    let long = "a".repeat(129);
    for id in ["", " a", "a/b", "a%2f", "ä", "a\\u200b", "{tid}", "a_b", ".", "..", &long] {
        let found = found(issuer, &format!("tenants = ['b', \"{id}\"]"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("must have ids of 1 to 128 letters, digits, '.' and '-'"), "{found:?}");
    }
    let longest = "a".repeat(128);
    let most: Vec<String> = (0..99).map(|id| id.to_string()).chain([longest]).collect();
    assert_eq!(parse(&of_tenants(issuer, &format!("tenants = {most:?}"))).unwrap().issuers.len(), 100);
    for preset in ["cognito", "kubernetes"] {
        let found = found(issuer, &format!("preset = '{preset}'\njwks_file = 'k'\ntenants = ['a', 'b']"));
        assert_eq!(found, ["9: issuer[0].tenants applies only when preset = \"oidc\""]);
    }
    // Each rule is reported once, not for each tenant.
    let found = found("http://login.example/{tid}", "tenants = ['a', 'b']\nleeway = '1h'");
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn no_tenant_is_an_issuer_twice() {
    let again = "[[issuer]]\nissuer = 'https://login.example/b'\naudiences = 'a'\n";
    let text = of_tenants("https://login.example/{tid}", "tenants = ['a', 'b']") + again;
    let problems = parse(&text).unwrap_err().to_string();
    assert!(problems.ends_with("issuer[1].issuer repeats the issuer of another [[issuer]]"), "{problems}");
    assert_eq!(problems.lines().count(), 1, "{problems}");
    let text = again.to_owned() + &of_tenants("https://login.example/{tid}", "tenants = ['b']");
    let problems = parse(&text).unwrap_err().to_string();
    assert!(problems.ends_with("issuer[1].issuer repeats the issuer of another [[issuer]]"), "{problems}");
}

#[test]
fn the_policy_names_the_issuers_of_tenants() {
    let config = parse(&of_tenants("https://login.example/{tid}", "tenants = ['a', 'b']")).unwrap();
    let policy = |issuer: &str| {
        config.parse_policy(&format!(
            "[[tier]]\nname = \"t\"\nbucket = \"media\"\nprefix = \"\"\ndownload = {{}}\n[[grant]]\n\
             tiers = \"t\"\noperations = \"download\"\nto = {{ issuers = \"{issuer}\" }}\n"
        ))
    };
    for issuer in ["https://login.example/a", "https://login.example/b"] {
        assert!(policy(issuer).is_ok(), "{issuer}");
    }
    for issuer in ["https://login.example/{tid}", "https://login.example/c"] {
        assert!(policy(issuer).is_err(), "{issuer}");
    }
}

#[test]
fn other_claims_and_tenants_need_a_restart() {
    let plain = parse(GOOD).unwrap();
    for lines in [
        "audience_claim = 'azp'",
        "subject_claim = 'email'",
        "groups_claim = '/a/b'",
        "groups_text = 'commas'",
        "scopes_claim = 'scp'",
        "required_claims = 'a'",
    ] {
        assert_eq!(plain.sections_for_restart(&parse(&with(lines)).unwrap()), ["issuer"], "{lines}");
    }
    let tenants = |ids: &str| parse(&of_tenants("https://login.example/{tid}", &format!("tenants = {ids}"))).unwrap();
    assert_eq!(tenants("['a']").sections_for_restart(&tenants("['a', 'b']")), ["issuer"]);
    assert!(tenants("['a']").sections_for_restart(&tenants("'a'")).is_empty());
}
