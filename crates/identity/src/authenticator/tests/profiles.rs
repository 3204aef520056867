//! Issuers with additional rules for tokens.

use serde_json::json;

use crate::authenticator::*;
use crate::test_issuer::{
    AUDIENCE, Answer, FakeKeySource, ISSUER, P256, P384, RSA, TOKEN_CACHE_BYTES, authenticator, claims, key_document,
    now, settings, with,
};
use crate::{IssuerSettings, KeyLocation};

fn svid_settings() -> IssuerSettings {
    IssuerSettings::spiffe("spiffe://prod.example", vec![AUDIENCE.to_owned()])
}

/// Trusts an OIDC issuer and a trust domain with different keys.
async fn issuer_and_trust_domain() -> Authenticator {
    let bundle = key_document(&[
        with(&P256.jwk("svid"), &json!({"use": "jwt-svid"})),
        with(&P384.jwk("x509"), &json!({"use": "x509-svid"})),
        P384.jwk("sig"),
    ]);
    let key_location = KeyLocation::JwksFile("bundle.json".into());
    let settings_of_domain = IssuerSettings { key_location, ..svid_settings() };
    let mut verifiers = Vec::new();
    for (settings, keys) in [(settings(), key_document(&[RSA.jwk("k")])), (settings_of_domain, bundle)] {
        let source = FakeKeySource::new(Answer::Keys(keys));
        let verifier = Arc::new(IssuerVerifier::with_key_source(settings, Box::new(source)).unwrap());
        verifier.keys().refresh().await.unwrap();
        let ring = Arc::clone(verifier.keys());
        tokio::spawn(async move { ring.keep_fresh().await });
        verifiers.push(verifier);
    }
    Authenticator::new(verifiers, TOKEN_CACHE_BYTES).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_jwt_svid_is_checked_by_the_bundle_of_its_trust_domain() {
    let authenticator = issuer_and_trust_domain().await;
    let svid = with(&claims(), &json!({"iss": null, "sub": "spiffe://prod.example/a"}));
    for claims in [svid.clone(), with(&svid, &json!({"iss": "https://spire.example"}))] {
        let caller = authenticator.authenticate(&P256.token("svid", &claims), now()).await.unwrap();
        assert_eq!(caller.workload().unwrap().as_str(), "spiffe://prod.example/a");
    }
    let refused = async |token: String| authenticator.authenticate(&token, now()).await.unwrap_err();
    // Keys of the bundle for other purposes, and keys of another issuer, are not accepted.
    for token in [P384.token("x509", &svid), P384.token("sig", &svid), RSA.token("k", &svid)] {
        assert_eq!(refused(token).await, Rejection::UnknownKey.into());
    }
    let foreign = with(&svid, &json!({"sub": "spiffe://other.example/a"}));
    assert_eq!(refused(P256.token("svid", &foreign)).await, Rejection::IssuerMalformed.into());
    // A token that names a known issuer must satisfy its rules.
    let as_issuer = with(&svid, &json!({"iss": ISSUER}));
    assert_eq!(refused(P256.token("svid", &as_issuer)).await, Rejection::AlgorithmNotAllowed.into());
    let user = authenticator.authenticate(&RSA.token("k", &claims()), now()).await.unwrap();
    assert!(user.workload().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_header_of_a_jwt_svid_has_three_members_at_most() {
    let authenticator = issuer_and_trust_domain().await;
    let svid = with(&claims(), &json!({"iss": null, "sub": "spiffe://prod.example/a"})).to_string();
    for (header, expected) in [
        (r#"{"alg":"ES256","kid":"svid"}"#, None),
        (r#"{"alg":"ES256","kid":"svid","typ":"JOSE"}"#, None),
        (r#"{"alg":"ES256","kid":"svid","typ":"at+jwt"}"#, Some(Rejection::TypeNotAllowed)),
        (r#"{"alg":"ES256","kid":"svid","x5t":"a"}"#, Some(Rejection::HeaderUnsupported)),
    ] {
        let outcome = authenticator.authenticate(&P256.sign(header, &svid), now()).await;
        assert_eq!(outcome.err(), expected.map(Into::into), "{header}");
    }
}

#[tokio::test]
async fn an_issuer_of_access_tokens_takes_no_others() {
    let settings = IssuerSettings { profile: TokenProfile::AccessToken, ..settings() };
    let (authenticator, _) = authenticator(settings, &[RSA.jwk("k")]).await;
    let claims = with(&claims(), &json!({"client_id": "c", "jti": "1"})).to_string();
    for (header, expected) in [
        (r#"{"alg":"RS256","kid":"k","typ":"at+jwt"}"#, None),
        (r#"{"alg":"RS256","kid":"k","typ":"application/AT+JWT"}"#, None),
        (r#"{"alg":"RS256","kid":"k","typ":"JWT"}"#, Some(Rejection::TypeNotAllowed)),
        (r#"{"alg":"RS256","kid":"k"}"#, Some(Rejection::TypeNotAllowed)),
    ] {
        let outcome = authenticator.authenticate(&RSA.sign(header, &claims), now()).await;
        assert_eq!(outcome.err(), expected.map(Into::into), "{header}");
    }
}
