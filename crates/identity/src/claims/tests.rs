use std::time::Duration;

use serde_json::json;

use super::*;
use crate::Names;
use crate::issuer::{GroupsText, TokenUses};
use crate::subject::Subject;
use crate::test_issuer::{AUDIENCE, ISSUER, NOW, SUBJECT, claims, now, settings, with};
use access_broker_base::clock::LAST_SECOND_OF_9999;

fn accept_with(changes: &Value, settings: &IssuerSettings) -> Result<Arc<TokenIdentity>, Rejection> {
    accepted(changes, settings).map(|accepted| Arc::clone(accepted.caller.token().unwrap()))
}

fn accepted(changes: &Value, settings: &IssuerSettings) -> Result<AcceptedClaims, Rejection> {
    let Value::Object(claims) = with(&claims(), changes) else { unreachable!() };
    super::accept(&claims.into(), settings, &settings.issuer.as_str().into(), now())
}

fn accept(changes: &Value) -> Result<Arc<TokenIdentity>, Rejection> {
    accept_with(changes, &settings())
}

fn rejection(changes: &Value) -> Option<Rejection> {
    accept(changes).err()
}

/// The claim as JSON null, which [`with`] would remove.
fn rejection_of_null(name: &str) -> Option<Rejection> {
    let Value::Object(mut claims) = claims() else { unreachable!() };
    claims.insert(name.to_owned(), Value::Null);
    super::accept(&claims.into(), &settings(), &ISSUER.into(), now()).err()
}

fn cognito(token_uses: TokenUses) -> IssuerSettings {
    IssuerSettings {
        profile: TokenProfile::Cognito { token_uses },
        groups_claims: paths(&["cognito:groups"]),
        ..settings()
    }
}

fn paths(texts: &[&str]) -> Vec<ClaimPath> {
    texts.iter().map(|text| ClaimPath::parse(text).unwrap()).collect()
}

fn texts(names: &Names) -> Vec<&str> {
    names.listed.iter().map(AsRef::as_ref).collect()
}

#[test]
fn claims_become_a_caller() {
    let changes = json!({"groups": ["a", "b"], "scope": "read  write", "tenant_id": 7});
    let caller = accept(&changes).unwrap();
    assert_eq!(&*caller.issuer, ISSUER);
    assert_eq!(caller.subject, Subject::from(SUBJECT));
    assert_eq!(texts(&caller.groups), ["a", "b"]);
    assert_eq!(texts(&caller.scopes), ["read", "write"]);
    assert_eq!(caller.expires_at, SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 600));
    let Value::Object(all) = with(&claims(), &changes) else { unreachable!() };
    assert_eq!(caller.claims, ClaimSet::pack(&all, false).unwrap());
}

#[test]
fn the_issuer_must_match_byte_for_byte() {
    for issuer in
        ["https://issuer.example/", "https://ISSUER.example", "https://issuer.example\0", "https://other.example", ""]
    {
        assert_eq!(rejection(&json!({"iss": issuer})), Some(Rejection::UnknownIssuer), "{issuer}");
    }
    for issuer in [json!([ISSUER]), json!({"iss": ISSUER}), json!(1), json!(true)] {
        assert_eq!(rejection(&json!({"iss": issuer})), Some(Rejection::IssuerMalformed), "{issuer}");
    }
    assert_eq!(rejection(&json!({"iss": null})), Some(Rejection::IssuerMalformed));
}

#[test]
fn exp_is_required_and_ends_the_token_after_the_leeway() {
    assert_eq!(rejection(&json!({"exp": null})), Some(Rejection::ExpiryMissing));
    assert_eq!(rejection_of_null("exp"), Some(Rejection::ExpiryMalformed));
    assert_eq!(rejection(&json!({"exp": NOW - 59})), None);
    assert_eq!(rejection(&json!({"exp": NOW - 60})), Some(Rejection::TokenExpired));
    assert_eq!(rejection(&json!({"exp": 0})), Some(Rejection::TokenExpired));
    let strict = IssuerSettings { leeway: Duration::ZERO, ..settings() };
    assert_eq!(accept_with(&json!({"exp": NOW}), &strict).err(), Some(Rejection::TokenExpired));
    assert_eq!(accept_with(&json!({"exp": NOW + 1}), &strict).err(), None);
}

#[test]
fn dates_may_have_fractions_and_must_be_in_range() {
    assert_eq!(rejection(&json!({"exp": 1_799_999_940.5})), None);
    assert_eq!(rejection(&json!({"exp": 1_799_999_939.5})), Some(Rejection::TokenExpired));
    let caller = accept(&json!({"exp": 1_800_000_000.25})).unwrap();
    assert_eq!(caller.expires_at, now() + Duration::from_millis(250));
    assert_eq!(rejection(&json!({"exp": LAST_SECOND_OF_9999})), None);
    for date in [
        json!(LAST_SECOND_OF_9999 + 1),
        json!(u64::MAX),
        json!(1e12),
        json!(1e300),
        json!(-1),
        json!(-0.5),
        json!(i64::MIN),
        json!("1800000600"),
        json!(true),
        json!([NOW + 600]),
        json!({"exp": NOW}),
    ] {
        assert_eq!(rejection(&json!({"exp": date})), Some(Rejection::ExpiryMalformed), "{date}");
        assert_eq!(rejection(&json!({"nbf": date})), Some(Rejection::NotBeforeMalformed), "{date}");
        assert_eq!(rejection(&json!({"iat": date})), Some(Rejection::IssuedAtMalformed), "{date}");
    }
    assert_eq!(rejection_of_null("nbf"), Some(Rejection::NotBeforeMalformed));
    assert_eq!(rejection_of_null("iat"), Some(Rejection::IssuedAtMalformed));
}

#[test]
fn a_token_from_the_future_is_refused() {
    assert_eq!(rejection(&json!({"nbf": NOW + 60})), None);
    assert_eq!(rejection(&json!({"nbf": NOW + 61})), Some(Rejection::NotYetValid));
    assert_eq!(rejection(&json!({"nbf": NOW + 3_600})), Some(Rejection::NotYetValid));
    assert_eq!(rejection(&json!({"iat": NOW + 60})), None);
    assert_eq!(rejection(&json!({"iat": NOW + 61})), Some(Rejection::IssuedInFuture));
    assert_eq!(rejection(&json!({"iat": null})), None);
}

#[test]
fn the_lifetime_is_bounded_where_the_settings_say_so() {
    let hour = IssuerSettings { max_token_lifetime: Some(Duration::from_hours(1)), ..settings() };
    let rejection = |changes: &Value| accept_with(changes, &hour).err();
    assert_eq!(rejection(&json!({"iat": NOW, "exp": NOW + 3_600})), None);
    assert_eq!(rejection(&json!({"iat": NOW, "exp": NOW + 3_601})), Some(Rejection::LifetimeTooLong));
    assert_eq!(rejection(&json!({"iat": null})), Some(Rejection::IssuedAtMissing));
    assert_eq!(rejection(&json!({"iat": NOW, "exp": NOW - 1})), None);
}

#[test]
fn an_extreme_clock_does_not_panic() {
    let Value::Object(claims) = claims() else { unreachable!() };
    let claims = claims.into();
    let mut far = SystemTime::UNIX_EPOCH;
    for bit in (0..63).rev() {
        far = far.checked_add(Duration::from_secs(1 << bit)).unwrap_or(far);
    }
    assert_eq!(super::accept(&claims, &settings(), &ISSUER.into(), far).err(), Some(Rejection::TokenExpired));
    let before_1970 = SystemTime::UNIX_EPOCH - Duration::from_secs(1_000_000);
    let early = super::accept(&claims, &settings(), &ISSUER.into(), before_1970).err();
    assert_eq!(early, Some(Rejection::IssuedInFuture));
}

#[test]
fn the_audience_must_contain_ours() {
    for audience in [json!(AUDIENCE), json!([AUDIENCE]), json!(["other", AUDIENCE])] {
        assert_eq!(rejection(&json!({"aud": audience})), None, "{audience}");
    }
    for audience in
        [json!("other"), json!(""), json!([]), json!(["other"]), json!("access-broker,other"), json!("access-broke")]
    {
        assert_eq!(rejection(&json!({"aud": audience})), Some(Rejection::AudienceMismatch), "{audience}");
    }
    for audience in [json!(1), json!({"aud": AUDIENCE}), json!([AUDIENCE, 1]), json!([[AUDIENCE]]), json!([null])] {
        assert_eq!(rejection(&json!({"aud": audience})), Some(Rejection::AudienceMalformed), "{audience}");
    }
    assert_eq!(rejection(&json!({"aud": null})), Some(Rejection::AudienceMissing));
    assert_eq!(rejection(&json!({"aud": null, "client_id": AUDIENCE})), Some(Rejection::AudienceMissing));
    assert_eq!(rejection_of_null("aud"), Some(Rejection::AudienceMalformed));
}

#[test]
fn a_cognito_access_token_names_its_client() {
    let rejection = |changes: &Value| accept_with(changes, &cognito(TokenUses::ACCESS)).err();
    let token = json!({"aud": null, "token_use": "access", "client_id": AUDIENCE});
    assert_eq!(rejection(&token), None);
    assert_eq!(rejection(&json!({"aud": null, "token_use": "access"})), Some(Rejection::AudienceMissing));
    let other_client = json!({"aud": null, "token_use": "access", "client_id": "other"});
    assert_eq!(rejection(&other_client), Some(Rejection::AudienceMismatch));
    let several = json!({"aud": null, "token_use": "access", "client_id": [AUDIENCE]});
    assert_eq!(rejection(&several), Some(Rejection::AudienceMalformed));
    // An access token for a resource has `aud` as well.
    let bound = |audience| json!({"aud": audience, "token_use": "access", "client_id": AUDIENCE});
    assert_eq!(rejection(&bound(AUDIENCE)), None);
    assert_eq!(rejection(&bound("https://other.example")), Some(Rejection::AudienceMismatch));
    assert_eq!(rejection(&json!({"token_use": "access", "client_id": "other"})), Some(Rejection::AudienceMismatch));
}

#[test]
fn a_cognito_id_token_names_its_client_in_aud() {
    let rejection = |changes: &Value| accept_with(changes, &cognito(TokenUses::ID)).err();
    assert_eq!(rejection(&json!({"token_use": "id"})), None);
    assert_eq!(rejection(&json!({"token_use": "id", "aud": "other"})), Some(Rejection::AudienceMismatch));
    let client_only = json!({"token_use": "id", "aud": null, "client_id": AUDIENCE});
    assert_eq!(rejection(&client_only), Some(Rejection::AudienceMissing));
}

#[test]
fn a_cognito_token_of_another_use_is_refused() {
    let claims = |token_use: Value| json!({"token_use": token_use, "client_id": AUDIENCE});
    let cases = [
        (TokenUses::ACCESS, json!("id"), false),
        (TokenUses::ID, json!("access"), false),
        (TokenUses::BOTH, json!("id"), true),
        (TokenUses::BOTH, json!("access"), true),
        (TokenUses::BOTH, json!("refresh"), false),
        (TokenUses::BOTH, json!("ID"), false),
        (TokenUses::BOTH, json!(["id"]), false),
        (TokenUses::BOTH, json!(null), false),
    ];
    for (allowed, token_use, accepted) in cases {
        let expected = (!accepted).then_some(Rejection::TokenUseNotAllowed);
        assert_eq!(accept_with(&claims(token_use.clone()), &cognito(allowed)).err(), expected, "{token_use}");
    }
}

#[test]
fn cognito_groups_are_read() {
    let changes = json!({"token_use": "id", "cognito:groups": ["tier-2"], "groups": ["admins"]});
    assert_eq!(texts(&accept_with(&changes, &cognito(TokenUses::ID)).unwrap().groups), ["tier-2"]);
}

#[test]
fn a_subject_must_be_a_clean_identifier() {
    for subject in ["u", "system:serviceaccount:ns:name", "ü@example.com", &"x".repeat(2_048)] {
        assert_eq!(accept(&json!({"sub": subject})).unwrap().subject, Subject::from(subject));
    }
    for subject in ["", "a\0b", "a\nb", "a\u{7f}", "a\u{85}", " ", "\u{3000} ", "a ", " a", &"x".repeat(2_049)] {
        assert_eq!(rejection(&json!({"sub": subject})), Some(Rejection::SubjectMalformed), "{subject:?}");
    }
    for hidden in
        ["a\u{a0}b", "a\u{202e}b", "a\u{200b}", "\u{feff}a", "a\u{2028}", "a\u{2066}b", "a\u{ad}b", "a\u{e0041}"]
    {
        assert_eq!(rejection(&json!({"sub": hidden})), Some(Rejection::SubjectMalformed), "{hidden:?}");
    }
    for subject in [json!(7), json!(true), json!(["a"]), json!({})] {
        assert_eq!(rejection(&json!({"sub": subject})), Some(Rejection::SubjectMalformed), "{subject}");
    }
    assert_eq!(rejection(&json!({"sub": null})), Some(Rejection::SubjectMalformed));
}

#[test]
fn groups_and_scopes_are_strings_or_arrays_of_strings() {
    assert_eq!(texts(&accept(&json!({})).unwrap().groups), [] as [&str; 0]);
    assert_eq!(texts(&accept(&json!({"groups": "one group"})).unwrap().groups), ["one group"]);
    assert_eq!(texts(&accept(&json!({"scope": ["a b", "c"]})).unwrap().scopes), ["a b", "c"]);
    assert_eq!(texts(&accept(&json!({"scope": ""})).unwrap().scopes), [] as [&str; 0]);
    for value in [json!(1), json!({"a": false}), json!(["a", 1]), json!([["a"]]), json!([null]), json!(false)] {
        assert_eq!(rejection(&json!({"groups": value})), Some(Rejection::GroupsMalformed), "{value}");
        assert_eq!(rejection(&json!({"scope": value})), Some(Rejection::ScopesMalformed), "{value}");
    }
    assert_eq!(rejection(&json!({"scope": {"a": true}})), Some(Rejection::ScopesMalformed));
    // An issuer may write null for an empty list.
    assert_eq!(rejection_of_null("groups"), None);
    assert_eq!(rejection_of_null("scope"), None);
}

#[test]
fn an_email_is_verified_where_the_token_or_the_settings_say_so() {
    let is_verified = |changes: &Value, settings: &IssuerSettings| {
        let caller = accept_with(changes, settings).unwrap();
        caller.claims.get("email").unwrap().is_verified()
    };
    let trusting = IssuerSettings { trust_email: true, ..settings() };
    assert!(is_verified(&json!({"email": "a@b", "email_verified": true}), &settings()));
    assert!(!is_verified(&json!({"email": "a@b", "email_verified": false}), &settings()));
    assert!(is_verified(&json!({"email": "a@b", "email_verified": false}), &trusting));
}

#[test]
fn groups_that_are_elsewhere_are_not_none() {
    for changes in [json!({"_claim_names": {"groups": "src1"}}), json!({"hasgroups": true})] {
        let groups = &accept(&changes).unwrap().groups;
        assert!(groups.elsewhere && groups.listed.is_empty(), "{changes}");
    }
    let some = accept(&json!({"groups": ["a"], "_claim_names": {"groups": "src1", "scope": "src1"}})).unwrap();
    assert_eq!((texts(&some.groups), some.groups.elsewhere, some.scopes.elsewhere), (vec!["a"], true, true));
    // Of another claim than the one that is configured.
    let roles = IssuerSettings { groups_claims: paths(&["roles"]), ..settings() };
    assert!(!accept_with(&json!({"roles": ["a"], "hasgroups": true}), &roles).unwrap().groups.elsewhere);
    assert!(!accept(&json!({"_claim_names": {"other": "src1"}, "hasgroups": false})).unwrap().groups.elsewhere);
    for name in ["exp", "aud", "cnf", "events", "nbf"] {
        let left_out = json!({"_claim_names": {name: "src1"}});
        assert_eq!(rejection(&left_out), Some(Rejection::ClaimNamesMalformed), "{name}");
    }
    let malformed = json!({"_claim_names": "groups"});
    assert_eq!(rejection(&malformed), Some(Rejection::ClaimNamesMalformed));
}

#[test]
fn a_claim_that_the_settings_require_must_be_in_the_token() {
    let strict = IssuerSettings { required_claims: paths(&["groups", "dept"]), ..settings() };
    for (changes, expected) in [
        (json!({"groups": ["a"], "dept": "x"}), None),
        (json!({"groups": [], "dept": ""}), None),
        (json!({"groups": "a", "dept": {"a": 1}}), None),
        (json!({"groups": ["a"]}), Some(Rejection::RequiredClaimMissing)),
        (json!({"dept": "x"}), Some(Rejection::RequiredClaimMissing)),
        (json!({"dept": "x", "hasgroups": true}), Some(Rejection::RequiredClaimMissing)),
        (json!({"dept": "x", "groups": ["a"], "hasgroups": true}), None),
    ] {
        assert_eq!(accept_with(&changes, &strict).err(), expected, "{changes}");
    }
    let Value::Object(mut claims) = claims() else { unreachable!() };
    claims.insert("groups".to_owned(), Value::Null);
    claims.insert("dept".to_owned(), Value::from("x"));
    let refused = super::accept(&claims.into(), &strict, &ISSUER.into(), now()).err();
    assert_eq!(refused, Some(Rejection::RequiredClaimMissing));
}

#[test]
fn a_security_event_is_no_proof_of_identity() {
    let logout = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    for events in [logout, json!({}), json!([]), json!("x"), json!(false)] {
        assert_eq!(rejection(&json!({"events": events})), Some(Rejection::SecurityEventToken), "{events}");
    }
    assert_eq!(rejection_of_null("events"), Some(Rejection::SecurityEventToken));
}

#[test]
fn a_bound_token_says_what_it_is_bound_to() {
    let thumbprint = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
    let bound = accepted(&json!({"cnf": {"x5t#S256": thumbprint}}), &settings()).unwrap().bound_to;
    assert_eq!(format!("{:?}", bound.unwrap()), format!("CertificateThumbprint({thumbprint})"));
    assert!(accepted(&json!({}), &settings()).unwrap().bound_to.is_none());
    assert_eq!(rejection(&json!({"cnf": {"jkt": thumbprint}})), Some(Rejection::ConfirmationUnsupported));
    assert_eq!(rejection_of_null("cnf"), Some(Rejection::ConfirmationMalformed));
}

fn access_tokens() -> IssuerSettings {
    IssuerSettings { profile: TokenProfile::AccessToken, ..settings() }
}

#[test]
fn an_access_token_has_a_client_and_an_id() {
    let complete = json!({"client_id": "client-1", "jti": "token-1"});
    assert!(accept_with(&complete, &access_tokens()).is_ok());
    for (changes, expected) in [
        (json!({"client_id": null}), Rejection::ClientIdMalformed),
        (json!({"client_id": ""}), Rejection::ClientIdMalformed),
        (json!({"client_id": ["client-1"]}), Rejection::ClientIdMalformed),
        (json!({"jti": null}), Rejection::TokenIdMalformed),
        (json!({"jti": 7}), Rejection::TokenIdMalformed),
        (json!({"iat": null}), Rejection::IssuedAtMissing),
        (json!({"aud": null}), Rejection::AudienceMissing),
    ] {
        let changes = with(&with(&claims(), &complete), &changes);
        let Value::Object(claims) = changes else { unreachable!() };
        let refused = super::accept(&claims.into(), &access_tokens(), &ISSUER.into(), now());
        assert_eq!(refused.err(), Some(expected));
    }
}

fn kubernetes() -> IssuerSettings {
    IssuerSettings::kubernetes(ISSUER, vec![AUDIENCE.to_owned()])
}

fn service_account(subject: &str, namespace: &str, name: &str) -> Value {
    let bound = json!({"namespace": namespace, "serviceaccount": {"name": name, "uid": "u"}, "pod": {"name": "p"}});
    json!({"sub": subject, "kubernetes.io": bound, "aud": [AUDIENCE]})
}

#[test]
fn a_service_account_is_in_the_groups_that_its_cluster_gives_it() {
    let claims = service_account("system:serviceaccount:media:thumb.nailer", "media", "thumb.nailer");
    let caller = accept_with(&claims, &kubernetes()).unwrap();
    assert_eq!(texts(&caller.groups), ["system:serviceaccounts", "system:serviceaccounts:media"]);
}

#[test]
fn a_service_account_is_bound_to_the_token_that_names_it() {
    let cases = [
        service_account("system:serviceaccount:media:a", "other", "a"),
        service_account("system:serviceaccount:media:a", "media", "b"),
        service_account("system:serviceaccount:media:", "media", ""),
        service_account("system:serviceaccount::a", "", "a"),
        service_account("system:serviceaccount:media", "media", ""),
        service_account("system:serviceaccount:media:a:b", "media", "a:b"),
        service_account("system:node:media:a", "media", "a"),
        service_account("System:serviceaccount:media:a", "media", "a"),
        json!({"sub": "system:serviceaccount:media:a"}),
        json!({"sub": "system:serviceaccount:media:a", "kubernetes.io": "media"}),
        // The format of the old tokens in secrets, which never expire.
        json!({"sub": "system:serviceaccount:media:a", "kubernetes.io/serviceaccount/namespace": "media"}),
    ];
    for claims in cases {
        let refused = accept_with(&claims, &kubernetes()).err();
        assert_eq!(refused, Some(Rejection::ServiceAccountMalformed), "{claims}");
    }
}

#[test]
fn a_service_account_token_for_a_year_is_refused() {
    let year = json!({"iat": NOW, "exp": NOW + 365 * 86_400});
    let claims = with(&service_account("system:serviceaccount:media:a", "media", "a"), &year);
    assert_eq!(accept_with(&claims, &kubernetes()).err(), Some(Rejection::LifetimeTooLong));
}

fn trust_domain() -> IssuerSettings {
    IssuerSettings::spiffe("spiffe://prod.example", vec![AUDIENCE.to_owned()])
}

#[test]
fn a_jwt_svid_is_its_workload() {
    for issuer in [Value::Null, json!("https://anything.example")] {
        let changes = json!({"iss": issuer, "sub": "spiffe://prod.example/ns/media/sa/a", "iat": null});
        let caller = accepted(&changes, &trust_domain()).unwrap().caller;
        assert_eq!(&*caller.token().unwrap().issuer, "spiffe://prod.example");
        assert_eq!(caller.workload().unwrap().as_str(), "spiffe://prod.example/ns/media/sa/a");
    }
}

#[test]
fn a_jwt_svid_names_a_workload_of_its_own_trust_domain() {
    for (subject, expected) in [
        ("spiffe://other.example/a", Rejection::TrustDomainMismatch),
        ("spiffe://prod.example.evil/a", Rejection::TrustDomainMismatch),
        ("spiffe://prod.example", Rejection::WorkloadIdMalformed),
        ("spiffe://PROD.example/a", Rejection::WorkloadIdMalformed),
        ("spiffe://prod.example/a/../b", Rejection::WorkloadIdMalformed),
        ("prod.example/a", Rejection::WorkloadIdMalformed),
    ] {
        assert_eq!(accepted(&json!({"sub": subject}), &trust_domain()).err(), Some(expected), "{subject}");
    }
    assert_eq!(accepted(&json!({"sub": null}), &trust_domain()).err(), Some(Rejection::SubjectMalformed));
    let missing_audience = json!({"sub": "spiffe://prod.example/a", "aud": null});
    assert_eq!(accepted(&missing_audience, &trust_domain()).err(), Some(Rejection::AudienceMissing));
}

#[test]
fn names_of_members_are_groups_where_each_member_says_so() {
    let roles = |value: Value| accept_with(&json!({ "roles": value }), &with_groups(&["roles"], GroupsText::One));
    let zitadel =
        json!({"editor": {"2": "acme.example"}, "viewer": {"2": "acme.example"}, "listed": [], "plain": true});
    assert_eq!(texts(&roles(zitadel).unwrap().groups), ["editor", "listed", "plain", "viewer"]);
    assert_eq!(texts(&roles(json!({})).unwrap().groups), [] as [&str; 0]);
    for member in [json!(false), json!(null), json!("yes"), json!(""), json!(1), json!(0)] {
        let refused = roles(json!({"editor": {}, "admin": member})).err();
        assert_eq!(refused, Some(Rejection::GroupsMalformed), "{member}");
    }
}

fn with_groups(claims: &[&str], groups_text: GroupsText) -> IssuerSettings {
    IssuerSettings { groups_claims: paths(claims), groups_text, ..settings() }
}

#[test]
fn a_text_of_groups_is_split_as_the_settings_say() {
    for (form, text, expected) in [
        (GroupsText::One, "a b,c", vec!["a b,c"]),
        (GroupsText::One, "", vec![""]),
        (GroupsText::Spaces, " a  b,c\td ", vec!["a", "b,c", "d"]),
        (GroupsText::Spaces, "", vec![]),
        (GroupsText::Commas, "[editors, staff]", vec!["editors", "staff"]),
        (GroupsText::Commas, " a b ,, c,", vec!["a b", "c"]),
        (GroupsText::Commas, "  [a]  ", vec!["a"]),
        (GroupsText::Commas, "[]", vec![]),
        (GroupsText::Commas, "", vec![]),
    ] {
        let caller = accept_with(&json!({"groups": text}), &with_groups(&["groups"], form)).unwrap();
        assert_eq!(texts(&caller.groups), expected, "{form:?} {text}");
        // The texts of a list are not split.
        let caller = accept_with(&json!({"groups": ["a b,c"]}), &with_groups(&["groups"], form)).unwrap();
        assert_eq!(texts(&caller.groups), ["a b,c"], "{form:?}");
    }
}

#[test]
fn a_text_in_another_form_of_list_is_refused() {
    for text in ["[[a], [b]]", "[a", "a]", "[a],[b]", r#"["a","b"]"#, r#""a""#] {
        let commas = accept_with(&json!({"groups": text}), &with_groups(&["groups"], GroupsText::Commas));
        assert_eq!(commas.err(), Some(Rejection::GroupsMalformed), "{text}");
        assert!(accept_with(&json!({"groups": text}), &with_groups(&["groups"], GroupsText::One)).is_ok(), "{text}");
    }
}

#[test]
fn an_address_that_is_not_verified_is_no_group_and_no_scope() {
    let of_email = |claims: &[&str]| IssuerSettings {
        groups_claims: paths(claims),
        scopes_claims: paths(&["scope"]),
        ..settings()
    };
    for claims in [json!({"email": "a@b"}), json!({"email": ["a@b"], "email_verified": true})] {
        assert_eq!(accept_with(&claims, &of_email(&["email"])).err(), Some(Rejection::GroupsMalformed), "{claims}");
    }
    let nested = json!({"user": {"email": "a@b"}});
    assert_eq!(accept_with(&nested, &of_email(&["/user/email"])).err(), Some(Rejection::GroupsMalformed));
    let scopes = IssuerSettings { scopes_claims: paths(&["email"]), ..settings() };
    assert_eq!(accept_with(&json!({"email": "a@b"}), &scopes).err(), Some(Rejection::ScopesMalformed));
    let verified = json!({"email": "a@b", "email_verified": true});
    assert_eq!(texts(&accept_with(&verified, &of_email(&["email"])).unwrap().groups), ["a@b"]);
    let trusting = IssuerSettings { trust_email: true, ..of_email(&["email"]) };
    assert_eq!(texts(&accept_with(&json!({"email": "a@b"}), &trusting).unwrap().groups), ["a@b"]);
}

#[test]
fn something_else_than_an_object_on_the_way_to_groups_is_refused() {
    let nested =
        IssuerSettings { scopes_claims: paths(&["/ext/scp"]), ..with_groups(&["/org/a/roles"], GroupsText::One) };
    for org in [json!("x"), json!([{"a": {"roles": ["x"]}}]), json!({"a": "x"}), json!({"a": []}), json!(false)] {
        assert_eq!(accept_with(&json!({"org": org}), &nested).err(), Some(Rejection::GroupsMalformed), "{org}");
    }
    for org in [json!(null), json!({}), json!({"a": null}), json!({"b": "x"}), json!({"a": {}})] {
        assert!(texts(&accept_with(&json!({"org": org}), &nested).unwrap().groups).is_empty(), "{org}");
    }
    assert_eq!(accept_with(&json!({"ext": "scp"}), &nested).err(), Some(Rejection::ScopesMalformed));
}

#[test]
fn groups_and_scopes_come_from_every_claim_that_is_named() {
    let keycloak = IssuerSettings {
        groups_claims: paths(&["/realm_access/roles", "/resource_access/broker/roles", "groups"]),
        scopes_claims: paths(&["scope", "/ext/scp"]),
        ..settings()
    };
    let of = |changes: &Value| {
        let caller = accept_with(changes, &keycloak).unwrap();
        let owned = |names: &Names| texts(names).into_iter().map(str::to_owned).collect::<Vec<_>>();
        (owned(&caller.groups), owned(&caller.scopes))
    };
    let all = json!({
        "realm_access": {"roles": ["a", "b"]},
        "resource_access": {"broker": {"roles": ["c"]}, "other": {"roles": ["d"]}},
        "groups": "b",
        "scope": "x y",
        "ext": {"scp": ["z"]},
        "realm_access.roles": ["e"],
    });
    let (groups, scopes) = of(&all);
    assert_eq!((groups.join(" "), scopes.join(" ")), ("a b c b".to_owned(), "x y z".to_owned()));
    let (groups, scopes) =
        of(&json!({"realm_access": {"roles": null}, "resource_access": {"broker": null}, "ext": null}));
    assert!(groups.is_empty() && scopes.is_empty());
    // One invalid claim is enough.
    for (changes, expected) in [
        (json!({"groups": ["a"], "realm_access": {"roles": 1}}), Rejection::GroupsMalformed),
        (json!({"scope": "x", "ext": {"scp": 1}}), Rejection::ScopesMalformed),
    ] {
        assert_eq!(accept_with(&changes, &keycloak).err(), Some(expected), "{changes}");
    }
    for (names, expected) in [("realm_access", (true, false)), ("ext", (false, true)), ("other", (false, false))] {
        let caller = accept_with(&json!({"groups": ["a"], "_claim_names": {names: "s"}}), &keycloak).unwrap();
        assert_eq!((caller.groups.elsewhere, caller.scopes.elsewhere), expected, "{names}");
    }
}

#[test]
fn a_required_claim_can_be_inside_another() {
    let strict = IssuerSettings { required_claims: paths(&["/organization/acme"]), ..settings() };
    for (organization, expected) in [
        (json!({"acme": {"id": "42"}}), None),
        (json!({"acme": []}), None),
        (json!({"acme": null}), Some(Rejection::RequiredClaimMissing)),
        (json!({"other": {}}), Some(Rejection::RequiredClaimMissing)),
        (json!(["acme"]), Some(Rejection::RequiredClaimMissing)),
    ] {
        assert_eq!(accept_with(&json!({"organization": organization}), &strict).err(), expected, "{organization}");
    }
    let absent = json!({"_claim_names": {"organization": "s"}});
    assert_eq!(accept_with(&absent, &strict).err(), Some(Rejection::RequiredClaimMissing));
}

#[test]
fn another_claim_can_have_the_audience() {
    let by_azp = IssuerSettings { audience_claim: Some(ClaimPath::top_level("azp")), ..settings() };
    let rejection = |changes: &Value| accept_with(changes, &by_azp).err();
    // `aud` is absent, empty or ours.
    for aud in [json!(null), json!(""), json!([]), json!(AUDIENCE), json!(["other", AUDIENCE])] {
        assert_eq!(rejection(&json!({"azp": AUDIENCE, "aud": aud})), None, "{aud}");
        assert_eq!(rejection(&json!({"azp": "other", "aud": aud})), Some(Rejection::AudienceMismatch), "{aud}");
        assert_eq!(rejection(&json!({"aud": aud})), Some(Rejection::AudienceMissing), "{aud}");
    }
    for aud in [json!("other"), json!(["other"]), json!([""]), json!(" ")] {
        assert_eq!(rejection(&json!({"azp": AUDIENCE, "aud": aud})), Some(Rejection::AudienceMismatch), "{aud}");
    }
    for aud in [json!(1), json!({}), json!([AUDIENCE, 1]), json!(false)] {
        assert_eq!(rejection(&json!({"azp": AUDIENCE, "aud": aud})), Some(Rejection::AudienceMalformed), "{aud}");
    }
    let Value::Object(mut claims) = with(&claims(), &json!({"azp": AUDIENCE})) else { unreachable!() };
    claims.insert("aud".to_owned(), Value::Null);
    let refused = super::accept(&claims.into(), &by_azp, &ISSUER.into(), now()).err();
    assert_eq!(refused, Some(Rejection::AudienceMalformed));
    assert_eq!(rejection(&json!({"azp": ["other", AUDIENCE]})), None);
    for azp in [json!(""), json!([]), json!(["other"])] {
        assert_eq!(rejection(&json!({"azp": azp})), Some(Rejection::AudienceMismatch), "{azp}");
    }
    for azp in [json!(1), json!({AUDIENCE: true}), json!([AUDIENCE, 1])] {
        assert_eq!(rejection(&json!({"azp": azp})), Some(Rejection::AudienceMalformed), "{azp}");
    }
    let in_two_places = json!({"azp": AUDIENCE, "_claim_names": {"azp": "s"}});
    assert_eq!(rejection(&in_two_places), Some(Rejection::ClaimNamesMalformed));
    // Without the setting, the claim is no audience.
    assert_eq!(accept(&json!({"azp": AUDIENCE, "aud": null})).err(), Some(Rejection::AudienceMissing));
}

#[test]
fn aud_can_be_ignored() {
    let ignoring = IssuerSettings {
        audience_claim: Some(ClaimPath::parse("/ext/client").unwrap()),
        ignores_aud: true,
        ..settings()
    };
    let rejection = |changes: &Value| accept_with(changes, &ignoring).err();
    for aud in [json!(null), json!("other"), json!(["other"]), json!([]), json!(1)] {
        assert_eq!(rejection(&json!({"ext": {"client": AUDIENCE}, "aud": aud})), None, "{aud}");
        let other = json!({"ext": {"client": "other"}, "aud": aud});
        assert_eq!(rejection(&other), Some(Rejection::AudienceMismatch), "{aud}");
    }
    assert_eq!(rejection(&json!({"aud": AUDIENCE})), Some(Rejection::AudienceMissing));
    let in_two_places = json!({"ext": {"client": AUDIENCE}, "_claim_names": {"ext": "s"}});
    assert_eq!(rejection(&in_two_places), Some(Rejection::ClaimNamesMalformed));
}

#[test]
fn an_access_token_can_have_its_audience_in_another_claim() {
    let by_client = IssuerSettings { audience_claim: Some(ClaimPath::top_level("client_id")), ..access_tokens() };
    let token = json!({"client_id": AUDIENCE, "jti": "1", "aud": null});
    assert_eq!(accept_with(&token, &by_client).err(), None);
    assert_eq!(accept_with(&token, &access_tokens()).err(), Some(Rejection::AudienceMissing));
    let other = json!({"client_id": AUDIENCE, "jti": "1", "aud": "other"});
    assert_eq!(accept_with(&other, &by_client).err(), Some(Rejection::AudienceMismatch));
}

#[test]
fn the_first_claim_that_is_not_empty_is_the_subject() {
    let service = IssuerSettings { subject_claims: paths(&["sub", "common_name", "/user/id"]), ..settings() };
    let subject = |changes: &Value| accept_with(changes, &service).map(|caller| caller.subject.clone());
    let from = |text: &str, claim| Ok(Subject::from_claim(text, &ClaimPath::parse(claim).unwrap()));
    for (changes, expected) in [
        (json!({"sub": "a", "common_name": "b"}), from("a", "sub")),
        (json!({"sub": "", "common_name": "b"}), from("b", "common_name")),
        (json!({"sub": null, "common_name": "b"}), from("b", "common_name")),
        (json!({"sub": "", "common_name": "", "user": {"id": "c"}}), from("c", "/user/id")),
        (json!({"sub": "", "user": {"id": "c"}}), from("c", "/user/id")),
        (json!({"sub": "", "user": "c"}), Err(Rejection::SubjectMalformed)),
        (json!({"sub": "", "common_name": ""}), Err(Rejection::SubjectMalformed)),
        (json!({"sub": null}), Err(Rejection::SubjectMalformed)),
        // Nothing that is there and unusable is skipped.
        (json!({"sub": 1, "common_name": "b"}), Err(Rejection::SubjectMalformed)),
        (json!({"sub": " ", "common_name": "b"}), Err(Rejection::SubjectMalformed)),
        (json!({"sub": "", "common_name": ["b"], "user": {"id": "c"}}), Err(Rejection::SubjectMalformed)),
        (json!({"sub": "", "common_name": "b\u{200b}", "user": {"id": "c"}}), Err(Rejection::SubjectMalformed)),
        (json!({"sub": "", "common_name": "b".repeat(2_049)}), Err(Rejection::SubjectMalformed)),
    ] {
        assert_eq!(subject(&changes), expected, "{changes}");
    }
    let in_two_places = json!({"sub": "a", "common_name": "b", "_claim_names": {"user": "s"}});
    assert_eq!(subject(&in_two_places), Err(Rejection::ClaimNamesMalformed));
    let Value::Object(mut claims) = with(&claims(), &json!({"common_name": "b"})) else { unreachable!() };
    claims.insert("sub".to_owned(), Value::Null);
    let refused = super::accept(&claims.clone().into(), &service, &ISSUER.into(), now()).err();
    assert_eq!(refused, Some(Rejection::SubjectMalformed));
    // Of another claim, null is as good as absent.
    claims.insert("sub".to_owned(), Value::from(""));
    claims.insert("common_name".to_owned(), Value::Null);
    claims.insert("user".to_owned(), json!({"id": "c"}));
    let accepted = super::accept(&claims.into(), &service, &ISSUER.into(), now()).unwrap();
    assert_eq!(accepted.caller.token().unwrap().subject.claim(), Some("/user/id"));
}

#[test]
fn a_subject_from_another_claim_than_sub_needs_no_sub() {
    let by_email = IssuerSettings { subject_claims: paths(&["email"]), ..settings() };
    let verified = json!({"email": "a@b.example", "email_verified": true, "sub": null});
    let caller = accept_with(&verified, &by_email).unwrap();
    assert_eq!(
        (caller.subject.as_str(), caller.subject.claim(), caller.subject.sub()),
        ("a@b.example", Some("email"), None)
    );
    assert_eq!(accept_with(&with(&verified, &json!({"sub": "u"})), &by_email).unwrap().subject, caller.subject);
    // The caller may have typed it in.
    let unverified = json!({"email": "a@b.example", "email_verified": false});
    assert_eq!(accept_with(&unverified, &by_email).err(), Some(Rejection::SubjectMalformed));
    let trusted = IssuerSettings { trust_email: true, ..by_email.clone() };
    assert_eq!(accept_with(&unverified, &trusted).unwrap().subject, caller.subject);
    // A `sub` of another type is refused also where it is not read.
    let odd = with(&verified, &json!({"sub": 1}));
    assert_eq!(accept_with(&odd, &by_email).err(), Some(Rejection::SubjectMalformed));
}

#[test]
fn a_token_is_of_the_tenant_that_its_issuer_is_for() {
    let of_tenant = IssuerSettings { tenant: Some("9122040d".to_owned()), ..settings() };
    for (tid, expected) in [
        (json!("9122040d"), None),
        (json!("9122040D"), Some(Rejection::TenantMismatch)),
        (json!("other"), Some(Rejection::TenantMismatch)),
        (json!(["9122040d"]), Some(Rejection::TenantMismatch)),
        (json!(null), Some(Rejection::TenantMismatch)),
    ] {
        assert_eq!(accept_with(&json!({ "tid": tid }), &of_tenant).err(), expected, "{tid}");
    }
    let absent = json!({"_claim_names": {"tid": "s"}});
    assert_eq!(accept_with(&absent, &of_tenant).err(), Some(Rejection::TenantMismatch));
    assert_eq!(rejection(&json!({"tid": "other"})), None);
}
