use std::time::Duration;

use serde_json::json;

use super::*;
use crate::issuer::TokenUses;
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
        groups_claim: "cognito:groups".to_owned(),
        ..settings()
    }
}

fn texts(names: &Names) -> Vec<&str> {
    names.listed.iter().map(AsRef::as_ref).collect()
}

#[test]
fn claims_become_a_caller() {
    let changes = json!({"groups": ["a", "b"], "scope": "read  write", "tenant_id": 7});
    let caller = accept(&changes).unwrap();
    assert_eq!(&*caller.issuer, ISSUER);
    assert_eq!(&*caller.subject, SUBJECT);
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
        assert_eq!(&*accept(&json!({"sub": subject})).unwrap().subject, subject);
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
    for value in [json!(1), json!({"a": true}), json!(["a", 1]), json!([["a"]]), json!([null]), json!(false)] {
        assert_eq!(rejection(&json!({"groups": value})), Some(Rejection::GroupsMalformed), "{value}");
        assert_eq!(rejection(&json!({"scope": value})), Some(Rejection::ScopesMalformed), "{value}");
    }
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
    let roles = IssuerSettings { groups_claim: "roles".to_owned(), ..settings() };
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
    let strict = IssuerSettings { required_claims: vec!["groups".to_owned(), "dept".to_owned()], ..settings() };
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
