//! Whom a rule means, and what it does where the token leaves that open.

use super::*;

const OTHER_ISSUER: &str = "https://other.example";

const ANYONE_MAY: &str = r#"
    [[tier]]
    name = "t"
    bucket = "media"
    prefix = ""
    download = {}
    upload = {}
"#;

fn with_rules(rules: &str) -> Policy {
    compile_for(&[ISSUER, OTHER_ISSUER], &format!("{ANYONE_MAY}{rules}")).unwrap()
}

/// Everyone may, but for those whom the denial means.
fn denial(rest: &str) -> Policy {
    let all = "[[grant]]\ntiers = [\"t\"]\noperations = [\"download\"]\nto = { authenticated = true }";
    with_rules(&format!("{all}\n[[denial]]\nname = \"no\"\n{rest}"))
}

fn grant(rest: &str) -> Policy {
    with_rules(&format!("[[grant]]\nname = \"yes\"\ntiers = [\"t\"]\noperations = [\"download\"]\n{rest}"))
}

fn refusal(policy: &Policy, claims: &Value) -> Option<RefusalReason> {
    download(policy, claims, "x").err()
}

#[test]
fn a_claim_that_cannot_be_compared_grants_nothing_and_lifts_no_denial() {
    let yes = grant("to = { issuers = \"any\", claims = { dept = \"finance\", level = 3 } }");
    let no = denial("to = { claims = { dept = \"finance\" } }");
    let magic = |text: &str| json!({ "$serde_json::private::RawValue": text });
    for dept in [
        magic("\"finance\""),
        json!([magic("\"finance\"")]),
        magic("[\"x\",\"finance\"]"),
        json!({ "finance": "yes" }),
        json!({ "finance": true, "hr": false }),
        json!([["finance"]]),
        json!(["hr", { "a": 1 }]),
        magic("x"),
        json!([magic("5")]),
    ] {
        let claims = json!({ "dept": dept, "level": 3 });
        assert_eq!(refusal(&yes, &claims), Some(RefusalReason::NotGranted), "{claims}");
        assert_eq!(refusal(&no, &claims), Some(RefusalReason::Denied("no".into())), "{claims}");
    }
    for dept in [json!("finance"), json!(["finance"]), json!(["finance", { "a": 1 }]), json!(["hr", "finance", null])] {
        let claims = json!({ "dept": dept, "level": 3 });
        assert_eq!(refusal(&yes, &claims), None, "{claims}");
        assert_eq!(refusal(&no, &claims), Some(RefusalReason::Denied("no".into())), "{claims}");
    }
    for dept in [json!("hr"), json!(["hr"]), json!([]), json!(null), json!(""), json!(5), json!([null])] {
        let claims = json!({ "dept": dept, "level": 3 });
        assert_eq!(refusal(&yes, &claims), Some(RefusalReason::NotGranted), "{claims}");
        assert_eq!(refusal(&no, &claims), None, "{claims}");
    }
}

#[test]
fn numbers_and_booleans_are_compared_by_value() {
    let yes = grant("to = { issuers = \"any\", claims = { level = 3, staff = true } }");
    for (level, staff) in [
        (json!(3), json!(true)),
        (json!(3.0), json!(true)),
        (json!("3"), json!("true")),
        (json!([1, 3]), json!([true])),
    ] {
        let claims = json!({ "level": level, "staff": staff });
        assert_eq!(refusal(&yes, &claims), None, "{claims}");
    }
    for (level, staff) in
        [(json!(3.5), json!(true)), (json!("3.0"), json!(true)), (json!(3), json!(false)), (json!(3), json!(1))]
    {
        let claims = json!({ "level": level, "staff": staff });
        assert_eq!(refusal(&yes, &claims), Some(RefusalReason::NotGranted), "{claims}");
    }
}

#[test]
fn groups_that_are_elsewhere_grant_nothing_and_lift_no_denial() {
    let elsewhere = |name: &str| Some(RefusalReason::ClaimElsewhere(Some(name.into())));
    let yes = grant("to = { issuers = \"any\", groups = [\"staff\"] }");
    let no = denial("to = { groups = [\"contractors\"] }");
    for token in [json!({ "_claim_names": { "groups": "src1" } }), json!({ "hasgroups": true })] {
        assert_eq!(refusal(&yes, &token), elsewhere("yes"), "{token}");
        assert_eq!(refusal(&no, &token), elsewhere("no"), "{token}");
    }
    // What the token does list counts.
    let some = json!({ "_claim_names": { "groups": "src1" }, "groups": ["staff"] });
    assert_eq!((refusal(&yes, &some), refusal(&no, &some)), (None, elsewhere("no")));
    let denied = json!({ "hasgroups": true, "groups": ["contractors"] });
    assert_eq!(refusal(&no, &denied), Some(RefusalReason::Denied("no".into())));
    // Another condition that does not hold decides.
    let of_other = denial(&format!("to = {{ issuers = [\"{OTHER_ISSUER}\"], groups = [\"contractors\"] }}"));
    assert_eq!(refusal(&of_other, &json!({ "hasgroups": true })), None);
    let more = denial("to = { groups = [\"contractors\"], claims = { dept = \"x\" } }");
    assert_eq!(refusal(&more, &json!({ "hasgroups": true, "dept": "y" })), None);
    assert_eq!(refusal(&more, &json!({ "hasgroups": true, "dept": "x" })), elsewhere("no"));
    // A policy that does not ask for groups does not need them.
    let roles = denial("to = { claims = { roles = \"contractor\" } }");
    assert_eq!(refusal(&roles, &json!({ "hasgroups": true })), None);
    assert_eq!(refusal(&roles, &json!({ "_claim_names": { "roles": "src1" } })), elsewhere("no"));
    // Of an upload there is no grant at all.
    let reason = upload(&yes, &json!({ "hasgroups": true }), "x", RequestedUpload::default()).unwrap_err();
    assert_eq!(reason, RefusalReason::NotGranted);
}

/// The reason does not depend on the order of the conditions and entries.
#[test]
fn a_grant_that_cannot_hold_does_not_depend_on_a_claim_that_is_elsewhere() {
    let elsewhere = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), json!("src1"))).collect::<Value>();
    let [groups, first, last] = [
        "groups = [\"staff\"], claims = { dept = \"finance\" }",
        "claims = { area = \"x\", dept = \"finance\" }",
        "claims = { dept = \"finance\", site = \"x\" }",
    ]
    .map(|conditions| {
        let to = format!("to = {{ issuers = \"any\", {conditions} }}");
        (grant(&to), denial(&to))
    });
    let claims = json!({ "dept": { "finance": 1 }, "_claim_names": elsewhere(&["groups", "area", "site"]) });
    for (yes, no) in [&groups, &first, &last] {
        assert_eq!(refusal(yes, &claims), Some(RefusalReason::NotGranted));
        // The denial holds for the object, and its other claim is in another place.
        assert_eq!(refusal(no, &claims), Some(RefusalReason::ClaimElsewhere(Some("no".into()))));
    }
    // A claim in another place may fit if one entry cannot be compared.
    let to = "to = { issuers = \"any\", claims = { dept = \"finance\" } }";
    let (yes, no) = (grant(to), denial(to));
    let claims = json!({ "dept": [{ "finance": true }], "_claim_names": elsewhere(&["dept"]) });
    assert_eq!(refusal(&yes, &claims), Some(RefusalReason::ClaimElsewhere(Some("yes".into()))));
    assert_eq!(refusal(&no, &claims), Some(RefusalReason::Denied("no".into())));
}

#[test]
fn the_first_of_the_grants_that_might_hold_is_named() {
    let grant = |name: &str, rest: &str| {
        format!("[[grant]]\nname = \"{name}\"\ntiers = [\"t\"]\noperations = [\"download\"]\n{rest}\n")
    };
    let [one, two] =
        ["one", "two"].map(|group| grant(group, &format!("to = {{ issuers = \"any\", groups = [\"{group}\"] }}")));
    let sure = grant("sure", "to = { authenticated = true }\nendpoints = [\"public\"]");
    let request = || AccessRequest {
        endpoint: Some(EndpointName::parse("vpce").unwrap()),
        ..access("x", RequestedDownload::default())
    };
    let claims = json!({ "hasgroups": true });
    for (rules, expected) in [
        (format!("{one}{two}"), RefusalReason::ClaimElsewhere(Some("one".into()))),
        (format!("{two}{one}"), RefusalReason::ClaimElsewhere(Some("two".into()))),
        // A grant that does hold, by another endpoint, says more than one that might, wherever it stands.
        (format!("{sure}{one}"), RefusalReason::EndpointNotGranted),
        (format!("{one}{sure}"), RefusalReason::EndpointNotGranted),
    ] {
        let refused = with_rules(&rules).decide_download(&caller(&claims), request(), now()).unwrap_err();
        assert_eq!(refused.reason, expected, "{rules}");
    }
}

#[test]
fn an_address_that_is_not_verified_grants_nothing_and_lifts_no_denial() {
    for (claim, flag) in [("email", "email_verified"), ("phone_number", "phone_number_verified")] {
        let yes = grant(&format!("to = {{ issuers = \"any\", claims = {{ {claim} = \"a\" }} }}"));
        let no = denial(&format!("to = {{ claims = {{ {claim} = \"a\" }} }}"));
        let granted = json!({ claim: "a", flag: true });
        assert_eq!(refusal(&yes, &granted), None);
        for claims in
            [json!({ claim: "a" }), json!({ claim: "a", flag: false }), json!({ claim: ["b", "a"], flag: true })]
        {
            assert_eq!(refusal(&yes, &claims), Some(RefusalReason::NotGranted), "{claims}");
        }
        for claims in [granted, json!({ claim: "a", flag: false }), json!({ claim: ["b", "a"], flag: true })] {
            assert_eq!(refusal(&no, &claims), Some(RefusalReason::Denied("no".into())), "{claims}");
        }
        assert_eq!(refusal(&no, &json!({ claim: "b", flag: false })), None);
    }
    let template = compile(
        r#"
        tier = [{ name = "own", bucket = "media", prefix = "by/{claims.phone_number}/", download = {} }]
        grant = [{ tiers = ["own"], operations = ["download"], to = { authenticated = true } }]
        "#,
    )
    .unwrap();
    let verified = json!({ "phone_number": "1", "phone_number_verified": true });
    assert!(download(&template, &verified, "by/1/x").is_ok());
    assert!(download(&template, &json!({ "phone_number": "1" }), "by/1/x").is_err());
}

#[test]
fn required_claims_keep_a_grant_from_tokens_that_lack_them() {
    let yes = grant("required_claims = [\"acr\", \"groups\"]\nto = { issuers = \"any\" }");
    assert_eq!(refusal(&yes, &json!({ "acr": "1", "groups": [] })), None);
    for claims in
        [json!({ "acr": "1" }), json!({ "groups": ["a"] }), json!({ "acr": null, "groups": ["a"] }), json!({})]
    {
        assert_eq!(refusal(&yes, &claims), Some(RefusalReason::NotGranted), "{claims}");
    }
    let workload = Caller::from_workload(WorkloadId::parse("spiffe://prod.example/a").unwrap());
    assert_eq!(read(&yes, &workload, "x").unwrap_err().reason, RefusalReason::NotGranted);
}

#[test]
fn required_claims_make_a_denial_hold_where_they_are_missing() {
    let no = denial(&format!(
        "required_claims = [\"groups\"]\nto = {{ issuers = [\"{ISSUER}\"], groups = [\"contractors\"] }}"
    ));
    let denied = Some(RefusalReason::Denied("no".into()));
    assert_eq!(refusal(&no, &json!({ "groups": ["staff"] })), None);
    assert_eq!(refusal(&no, &json!({ "groups": [] })), None);
    for claims in
        [json!({ "groups": ["contractors"] }), json!({}), json!({ "groups": null }), json!({ "hasgroups": true })]
    {
        assert_eq!(refusal(&no, &claims), denied, "{claims}");
    }
    // It is about tokens of one issuer, and about downloads and uploads alike.
    assert_eq!(refusal(&no, &json!({ "iss": OTHER_ISSUER })), None);
    assert_eq!(upload(&no, &json!({}), "x", RequestedUpload::default()).err(), denied);
    let workload = Caller::from_workload(WorkloadId::parse("spiffe://prod.example/a").unwrap());
    assert!(read(&no, &workload, "x").is_ok());
    let uploads = denial("operations = [\"upload\"]\nrequired_claims = [\"groups\"]\nto = { issuers = \"any\" }");
    assert_eq!(refusal(&uploads, &json!({})), None);
}

#[test]
fn a_denial_that_holds_is_named_before_one_that_may_hold() {
    let policy =
        denial("to = { groups = [\"a\"] }\n[[denial]]\nname = \"certain\"\nto = { claims = { dept = \"x\" } }\n");
    assert_eq!(
        refusal(&policy, &json!({ "hasgroups": true, "dept": "x" })),
        Some(RefusalReason::Denied("certain".into()))
    );
}

#[test]
fn names_belong_to_an_issuer_where_there_are_several() {
    let grants =
        |to: &str| format!("{ANYONE_MAY}\n[[grant]]\ntiers = [\"t\"]\noperations = [\"download\"]\nto = {{ {to} }}");
    let denials = |to: &str| format!("{ANYONE_MAY}\n[[denial]]\nto = {{ {to} }}");
    let both = [ISSUER, OTHER_ISSUER];
    for to in [
        "groups = [\"a\"]",
        "scopes = [\"a\"]",
        "claims = { dept = \"a\" }",
        "claims = { email = \"a@b\" }",
        "groups = [\"a\"], workloads = [\"spiffe://prod.example/a\"]",
        "authenticated = true, groups = [\"a\"]",
    ] {
        assert!(compile_for(&[ISSUER], &grants(to)).is_ok(), "{to}");
        assert!(compile_for(&both, &denials(to)).is_ok(), "{to}");
        let refused = compile_for(&both, &grants(to)).unwrap_err().to_string();
        assert!(refused.contains("policy.toml:12: grant[0].to must have issuers together with "), "{refused}");
        assert!(refused.contains("of [\"https://issuer.example\", \"https://other.example\"]"), "{refused}");
        assert!(refused.contains("or set issuers = \"any\""), "{refused}");
        for issuers in [format!("[\"{ISSUER}\"]"), "\"any\"".to_owned(), "[\"any\"]".to_owned()] {
            let named = grants(&format!("{to}, issuers = {issuers}"));
            assert!(compile_for(&both, &named).is_ok(), "{named}");
        }
    }
    let required = grants("authenticated = true").replace("tiers", "required_claims = [\"a\"]\ntiers");
    assert!(compile_for(&[ISSUER], &required).is_ok());
    let refused = compile_for(&both, &required).unwrap_err().to_string();
    assert!(refused.contains("must have issuers together with required_claims, "), "{refused}");
    let everyone = grants("authenticated = true");
    assert!(compile_for(&both, &everyone).is_ok());
    let mixed =
        compile_for(&both, &grants(&format!("groups = [\"a\"], issuers = [\"any\", \"{ISSUER}\"]"))).unwrap_err();
    assert!(mixed.to_string().contains("cannot combine \"any\" with an issuer"), "{mixed}");
    let subject = grants("claims = { sub = \"a\" }");
    assert!(compile_for(&[ISSUER], &subject).is_err() && compile_for(&both, &subject).is_err());
}

#[test]
fn any_issuer_means_every_caller_with_a_token() {
    let any = grant("to = { issuers = \"any\", groups = [\"a\"] }");
    for issuer in [ISSUER, OTHER_ISSUER] {
        assert_eq!(refusal(&any, &json!({ "iss": issuer, "groups": ["a"] })), None);
        assert_eq!(refusal(&any, &json!({ "iss": issuer, "groups": ["b"] })), Some(RefusalReason::NotGranted));
    }
    let one = grant(&format!("to = {{ issuers = [\"{ISSUER}\"], groups = [\"a\"] }}"));
    assert_eq!(refusal(&one, &json!({ "iss": OTHER_ISSUER, "groups": ["a"] })), Some(RefusalReason::NotGranted));
    let workload = Caller::from_workload(WorkloadId::parse("spiffe://prod.example/a").unwrap());
    let all_tokens = grant("to = { issuers = \"any\" }");
    assert_eq!(refusal(&all_tokens, &json!({})), None);
    assert_eq!(read(&all_tokens, &workload, "x").unwrap_err().reason, RefusalReason::NotGranted);
}

#[test]
fn wrong_required_claims_are_reported() {
    for (setting, rule) in
        [("[]", "must not be an empty list"), ("[\"\"]", "must not have an empty value"), ("7", "must be a string")]
    {
        let text = format!("{ANYONE_MAY}\n[[denial]]\nrequired_claims = {setting}\nto = {{ authenticated = true }}");
        let problems = compile(&text).unwrap_err().to_string();
        assert!(problems.contains(&format!("denial[0].required_claims {rule}")), "{problems}");
    }
}

#[test]
fn a_prefix_from_a_claim_that_is_elsewhere_hides_no_tier() {
    let policy = compile(
        r#"
        tier = [
            { name = "wide", bucket = "media", prefix = "t/", download = {} },
            { name = "own", bucket = "media", prefix = "t/{claims.tenant}/", download = {} },
            { name = "shared", bucket = "media", prefix = "t/shared/deep/", download = {} },
        ]
        [[grant]]
        tiers = ["wide", "own", "shared"]
        operations = ["download"]
        to = { authenticated = true }
        [[denial]]
        name = "frozen"
        tiers = ["own"]
        to = { claims = { frozen = true } }
        "#,
    )
    .unwrap();
    let tier = |claims: Value, key: &str| {
        let found = read(&policy, &caller(&claims), key);
        found.map(|permit| permit.object().tier().to_string()).map_err(|refusal| (refusal.tier, refusal.reason))
    };
    let open = |name: &str| Err((Some(name.into()), RefusalReason::ClaimElsewhere(None)));
    let names = json!({ "tenant": "src1" });
    let elsewhere = json!({ "_claim_names": names, "frozen": true });
    let both = json!({ "_claim_names": names, "frozen": true, "tenant": "acme" });
    let denied = Err((Some("own".into()), RefusalReason::Denied("frozen".into())));
    // What the token lists counts, and everything else may be the caller's as well.
    assert_eq!(tier(json!({ "tenant": "acme", "frozen": true }), "t/acme/x"), denied);
    assert_eq!(tier(both.clone(), "t/acme/x"), denied);
    assert_eq!(tier(both, "t/other/x"), open("own"));
    assert_eq!(tier(elsewhere.clone(), "t/acme/x"), open("own"));
    // A tier that is deeper than the one in doubt, or none in doubt.
    assert_eq!(tier(elsewhere.clone(), "t/shared/deep/x"), Ok("shared".to_owned()));
    assert_eq!(tier(elsewhere.clone(), "t/x"), Ok("wide".to_owned()));
    assert_eq!(tier(elsewhere, "other/x"), Err((None, RefusalReason::NoTier)));
    // Another claim in another place, and a missing one.
    assert_eq!(tier(json!({ "hasgroups": true, "tenant": "acme" }), "t/acme/x"), Ok("own".to_owned()));
    assert_eq!(tier(json!({ "hasgroups": true }), "t/acme/x"), Ok("wide".to_owned()));
    assert_eq!(tier(json!({}), "t/acme/x"), Ok("wide".to_owned()));
}

#[test]
fn patterns_match_values_in_grants_and_denials() {
    let yes = grant("to = { issuers = \"any\", claims = { repository = [\"octo-org/*\", 'a\\*'], level = \"1*\" } }");
    let no = denial("to = { claims = { repository = [\"octo-org/**\", 'a\\*'] } }");
    for (repository, level, granted, denied) in [
        (json!("octo-org/app"), json!(17), true, true),
        (json!(["x", "octo-org/app"]), json!(1), true, true),
        (json!("a*"), json!("1"), true, true),
        (json!("octo-org/"), json!(1), true, true),
        (json!("octo-org/app/x"), json!(1), false, true),
        (json!("octo-org/app"), json!(2), false, true),
        (json!("octo-org-2/app"), json!(1), false, false),
        (json!("ab"), json!(1), false, false),
        // What cannot be compared.
        (json!(["x", { "octo-org/app": 1 }]), json!(1), false, true),
    ] {
        let claims = json!({ "repository": repository, "level": level });
        assert_eq!(refusal(&yes, &claims), (!granted).then_some(RefusalReason::NotGranted), "{claims}");
        assert_eq!(refusal(&no, &claims), denied.then(|| RefusalReason::Denied("no".into())), "{claims}");
    }
    let address = grant("to = { issuers = \"any\", claims = { email = \"*@a.example\" } }");
    let unverified = json!({ "email": "me@a.example" });
    assert_eq!(refusal(&address, &unverified), Some(RefusalReason::NotGranted));
    assert_eq!(refusal(&address, &json!({ "email": "me@a.example", "email_verified": true })), None);
    let no_address = denial("to = { claims = { email = \"me@**\" } }");
    assert_eq!(refusal(&no_address, &unverified), Some(RefusalReason::Denied("no".into())));
    let elsewhere = json!({ "repository": "x", "level": 1, "_claim_names": { "repository": "src1" } });
    assert_eq!(refusal(&yes, &elsewhere), Some(RefusalReason::ClaimElsewhere(Some("yes".into()))));
    assert_eq!(refusal(&no, &elsewhere), Some(RefusalReason::ClaimElsewhere(Some("no".into()))));
}

#[test]
fn patterns_that_are_not_valid_are_reported() {
    let problems = |kind: &str, value: &str| {
        let rest = if kind == "grant" { "tiers = 't'\noperations = 'download'\n" } else { "" };
        let text = format!("{ANYONE_MAY}\n[[{kind}]]\n{rest}to = {{ claims = {{ ref = ['x', {value}] }} }}");
        compile(&text).err().map(|problems| problems.to_string())
    };
    for (value, rule) in [
        ("'a**b'", "ref has an invalid pattern: \"a**b\" has '**' before its end"),
        ("'***'", "has more than two '*' together"),
        (r"'A\B'", r#"has an invalid pattern: "A\B" has a '\' that is not before"#),
        ("''", "ref must not have an empty value"),
        (
            &format!("'{}*'", "é".repeat(512)),
            &format!("\"{}…\" has a '*' and is longer than 1,024 bytes", "é".repeat(80)),
        ),
    ] {
        for kind in ["grant", "denial"] {
            let found = problems(kind, value).unwrap();
            assert!(found.contains(&format!("{kind}[0].to.claims.")) && found.contains(rule), "{found}");
            assert_eq!(found.lines().count(), 1, "{found}");
        }
    }
    for value in ["'a*'", "'*/b'", r"'*\*'", "'a/*/**'", "'*b**'"] {
        assert_eq!(problems("grant", value), None);
        let found = problems("denial", value).unwrap();
        assert!(
            found.contains("denial[0].to.claims.ref has an invalid pattern") && found.contains("in a denial"),
            "{found}"
        );
    }
    for value in ["'a**'", "'a/**'", r"'\*'", "7", "true"] {
        assert_eq!(problems("denial", value), None, "{value}");
    }
}

#[test]
fn conditions_name_claims_inside_others() {
    let yes = grant("to = { issuers = \"any\", claims = { \"/realm_access/roles\" = \"editor\" } }");
    let no = denial("to = { claims = { \"/realm_access/roles\" = \"editor\" } }");
    for (claims, granted, denied) in [
        (json!({ "realm_access": { "roles": ["viewer", "editor"] } }), true, true),
        (json!({ "realm_access": { "roles": "editor" } }), true, true),
        (json!({ "realm_access": { "roles": ["viewer"] } }), false, false),
        (json!({ "realm_access": { "roles": null } }), false, false),
        (json!({ "realm_access.roles": "editor", "/realm_access/roles": "editor", "roles": "editor" }), false, false),
        (json!({ "realm_access": { "x": { "roles": "editor" } } }), false, false),
        // What cannot be compared.
        (json!({ "realm_access": { "roles": { "editor": 1 } } }), false, true),
        // The names of members.
        (json!({ "realm_access": { "roles": { "viewer": {}, "editor": { "org": "x" } } } }), true, true),
        (json!({ "realm_access": { "roles": { "viewer": {} } } }), false, false),
        (json!({ "realm_access": { "roles": [["editor"]] } }), false, true),
        // On the way is something else than an object.
        (json!({ "realm_access": [{ "roles": "editor" }] }), false, true),
        (json!({ "realm_access": "editor" }), false, true),
        (json!({ "realm_access": [] }), false, true),
        (json!({ "realm_access": null }), false, false),
        (json!({ "realm_access": {} }), false, false),
    ] {
        assert_eq!(refusal(&yes, &claims), (!granted).then_some(RefusalReason::NotGranted), "{claims}");
        assert_eq!(refusal(&no, &claims), denied.then(|| RefusalReason::Denied("no".into())), "{claims}");
    }
    let elsewhere = json!({ "_claim_names": { "realm_access": "src1" } });
    assert_eq!(refusal(&yes, &elsewhere), Some(RefusalReason::ClaimElsewhere(Some("yes".into()))));
    assert_eq!(refusal(&no, &elsewhere), Some(RefusalReason::ClaimElsewhere(Some("no".into()))));
    // An address inside another claim is not one that the issuer has verified.
    let address = grant("to = { issuers = \"any\", claims = { \"/user/email\" = \"a@b\" } }");
    let claims = json!({ "user": { "email": "a@b" }, "email": "a@b", "email_verified": true });
    assert_eq!(refusal(&address, &claims), Some(RefusalReason::NotGranted));
}

#[test]
fn required_claims_can_be_inside_others() {
    let yes = grant("required_claims = [\"/ext/tenant\", \"/acr\"]\nto = { issuers = \"any\" }");
    let no = denial("required_claims = \"/ext/tenant\"\nto = { groups = \"contractors\" }");
    for (claims, has) in [
        (json!({ "acr": 1, "ext": { "tenant": "a" } }), true),
        (json!({ "acr": 1, "ext": { "tenant": [] } }), true),
        (json!({ "acr": 1, "ext": { "tenant": null } }), false),
        (json!({ "acr": 1, "ext": { "x": "a" }, "tenant": "a" }), false),
        (json!({ "acr": 1, "ext": "tenant" }), false),
        (json!({ "acr": 1 }), false),
    ] {
        assert_eq!(refusal(&yes, &claims), (!has).then_some(RefusalReason::NotGranted), "{claims}");
        assert_eq!(refusal(&no, &claims), (!has).then(|| RefusalReason::Denied("no".into())), "{claims}");
    }
}

#[test]
fn paths_that_are_not_valid_are_reported() {
    let denial = |rest: &str| compile(&format!("{ANYONE_MAY}\n[[denial]]\n{rest}")).unwrap_err().to_string();
    for (rest, rule) in [
        (
            "required_claims = '/a//b'\nto = { authenticated = true }",
            "denial[0].required_claims has the claim \"/a//b\", which must be a path",
        ),
        ("to = { claims = { '/a/' = 'x' } }", "denial[0].to.claims./a/ must be a path without empty names"),
        ("to = { claims = { '/a~2' = 'x' } }", "denial[0].to.claims./a~2 must be a path in which"),
        ("to = { claims = { '' = 'x' } }", "must have 1 to 1024 bytes"),
        ("to = { claims = { 'a' = 'x', '/a' = 'y' } }", "repeats the claim of another key"),
        ("to = { claims = { '/sub' = 'x' } }", "denial[0].to must have issuers together with claims.sub"),
        ("to = { claims = { 'sub' = 'x' } }", "denial[0].to must have issuers together with claims.sub"),
    ] {
        let problems = denial(rest);
        assert!(problems.contains(rule) && problems.lines().count() == 1, "{problems}\nlacks: {rule}");
    }
    assert!(
        compile(&format!("{ANYONE_MAY}\n[[denial]]\nto = {{ claims = {{ '/x/sub' = 'x', '/a/b' = 'y' }} }}")).is_ok()
    );
}

/// The number of segments of an unknown value is unknown.
#[test]
fn a_prefix_of_any_number_of_segments_from_a_claim_that_is_elsewhere_hides_no_tier() {
    let policy = compile(
        r#"
        tier = [
            { name = "wide", bucket = "media", prefix = "p/", download = {} },
            { name = "any", bucket = "media", prefix = "p/{claims.path:*}/", prefix_free = true, download = {} },
            { name = "below", bucket = "media", prefix = "p/{claims.path:*}/x/", prefix_free = true, download = {} },
            { name = "two", bucket = "media", prefix = "r/{claims.pair:2}/", download = {} },
            { name = "short", bucket = "media", prefix = "r/a/", download = {} },
            { name = "deep", bucket = "media", prefix = "r/a/b/c/", download = {} },
            { name = "end", bucket = "media", prefix = "z/{claims.path:*}/x/", prefix_free = true, download = {} },
            { name = "q", bucket = "media", prefix = "q/{claims.path:*}/", prefix_free = true, download = {} },
            { name = "q-other", bucket = "media", prefix = "q/a/{claims.pair}/", download = {} },
        ]
        [[grant]]
        tiers = ["wide", "any", "below", "two", "short", "deep", "end", "q", "q-other"]
        operations = ["download"]
        to = { authenticated = true }
        "#,
    )
    .unwrap();
    let tier = |claims: &Value, key: &str| {
        let found = read(&policy, &caller(claims), key);
        found.map(|permit| permit.object().tier().to_string()).map_err(|refusal| {
            assert!(matches!(refusal.reason, RefusalReason::ClaimElsewhere(None) | RefusalReason::NoTier));
            refusal.tier.map(|name| name.to_string())
        })
    };
    let open = |name: &str| Err(Some(name.to_owned()));
    let found = |name: &str| Ok(name.to_owned());
    let unknown = json!({ "_claim_names": { "path": "src1", "pair": "src1" } });
    for (key, expected) in [
        ("p/f", found("wide")),
        ("p/a/f", open("any")),
        ("p/a/b/c/f", open("any")),
        // The whole value may be `a/b`, and `x` the segment after it.
        ("p/a/b/x/f", open("any")),
        ("p/x/x/f", open("any")),
        // A value is at least one segment.
        ("q/f", Err(None)),
        ("z/a/b/x/f", open("end")),
        ("z/x/b/f", Err(None)),
        ("r/f", Err(None)),
        ("r/a/f", found("short")),
        ("r/b/f", Err(None)),
        ("r/a/b/f", open("two")),
        ("r/a/b/c/f", found("deep")),
    ] {
        assert_eq!(tier(&unknown, key), expected, "{key}");
    }
    // A value in the token counts.
    let known = json!({ "_claim_names": { "path": "src1" }, "path": "a/b", "pair": "a/b" });
    for (key, expected) in [
        ("p/a/b/f", found("any")),
        ("p/a/b/c/d/f", found("any")),
        ("p/a/b/x/f", found("below")),
        ("p/a/f", open("any")),
        ("p/f", found("wide")),
        ("r/a/b/f", found("two")),
    ] {
        assert_eq!(tier(&known, key), expected, "{key}");
    }
    // The known value gives `q`, and another tier may have the longer prefix.
    let both = json!({ "_claim_names": { "path": "src1", "pair": "src1" }, "path": "a" });
    assert_eq!(tier(&both, "q/a/b/c/f"), open("q-other"));
}

/// Each template could stand for any part of the key.
#[test]
fn prefixes_of_many_unknown_values_are_searched_in_little_time() {
    let prefix = (0..32).map(|number| format!("{{claims.c{number}:*}}/")).collect::<Vec<_>>().concat();
    let policy = compile(&format!(
        "tier = [{{ name = 't', bucket = 'media', prefix = '{prefix}', prefix_free = true, download = {{}} }}]\n\
         grant = [{{ tiers = 't', operations = 'download', to = {{ authenticated = true }} }}]"
    ))
    .unwrap();
    let names: serde_json::Map<String, Value> = (0..32).map(|number| (format!("c{number}"), json!("src1"))).collect();
    let claims = json!({ "_claim_names": names });
    let started = std::time::Instant::now();
    let refused = read(&policy, &caller(&claims), &vec!["a"; 512].join("/"));
    assert_eq!(refused.unwrap_err().reason, RefusalReason::ClaimElsewhere(None));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
