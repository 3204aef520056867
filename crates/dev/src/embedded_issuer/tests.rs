use std::net::Ipv4Addr;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::json;

use super::endpoints::MAX_TOKEN_REQUEST_BYTES;
use super::*;
use access_broker_base::clock::SystemClock;

const FORM: &str = "application/x-www-form-urlencoded";

/// A clock that always returns the same time.
struct FixedClock(SystemTime);

impl Clock for FixedClock {
    fn now(&self) -> SystemTime {
        self.0
    }
}

async fn start(clock: impl Clock) -> EmbeddedIssuer {
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    EmbeddedIssuer::start(EmbeddedIssuerOptions { address, clock: Arc::new(clock) }).await.unwrap()
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn get_json(url: &str) -> Value {
    let response = http().get(url).send().await.unwrap();
    assert_eq!(response.status(), 200, "{url}");
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

async fn post_token(issuer: &EmbeddedIssuer, content_type: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
    let request = http().post(format!("{}/token", issuer.issuer())).header("content-type", content_type).body(body);
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    (response.status().as_u16(), serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
}

/// Verifies a token with the keys as a client would get them, and returns its claims.
async fn verify(issuer: &EmbeddedIssuer, token: &str, audience: Option<&str>) -> Value {
    let discovered = get_json(&format!("{}/.well-known/openid-configuration", issuer.issuer())).await;
    let jwks = get_json(discovered["jwks_uri"].as_str().unwrap()).await;
    let jwks: JwkSet = serde_json::from_value(jwks).unwrap();
    let header = decode_header(token).unwrap();
    assert_eq!((header.alg, header.typ), (Algorithm::RS256, None));
    let key = jwks.find(header.kid.as_deref().unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_required_spec_claims(&["exp", "iss", "sub"]);
    validation.set_issuer(&[discovered["issuer"].as_str().unwrap()]);
    if let Some(audience) = audience {
        validation.set_audience(&[audience]);
    }
    decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap().claims
}

#[tokio::test]
async fn discovery_and_keys_say_what_the_issuer_is() {
    let issuer = start(SystemClock).await;
    assert_eq!(issuer.issuer(), format!("http://{}", issuer.local_addr()));
    let discovered = get_json(&format!("{}/.well-known/openid-configuration", issuer.issuer())).await;
    assert_eq!(discovered["issuer"], issuer.issuer());
    assert_eq!(discovered["jwks_uri"], format!("{}/.well-known/jwks.json", issuer.issuer()));
    assert_eq!(discovered["token_endpoint"], format!("{}/token", issuer.issuer()));
    assert_eq!(discovered["id_token_signing_alg_values_supported"], json!(["RS256"]));

    let jwks = get_json(discovered["jwks_uri"].as_str().unwrap()).await;
    assert_eq!(&jwks, issuer.jwks());
    let [key] = jwks["keys"].as_array().unwrap().as_slice() else { panic!("one key is served") };
    assert_eq!((&key["kty"], &key["use"], &key["alg"]), (&json!("RSA"), &json!("sig"), &json!("RS256")));
    let mut members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
}

#[tokio::test]
async fn id_tokens_verify_and_look_like_those_of_cognito() {
    let issuer = start(SystemClock).await;
    let (status, tokens) = post_token(&issuer, FORM, "username=user-one").await;
    assert_eq!(status, 200);
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(3_600)));
    let claims = verify(&issuer, tokens["id_token"].as_str().unwrap(), Some(issuer.client_id())).await;
    assert_eq!(claims["iss"], issuer.issuer());
    assert_eq!(claims["aud"], "access-broker-dev");
    assert_eq!(claims["token_use"], "id");
    assert_eq!(claims["cognito:username"], "user-one");
    assert_eq!(claims["cognito:groups"], json!(["editors", "viewers"]));
    assert_eq!(claims["email"], "me+user1@example.com");
    assert_eq!(claims["email_verified"], true);
    for absent in ["client_id", "scope", "username", "version"] {
        assert!(claims.get(absent).is_none(), "{absent}");
    }
}

#[tokio::test]
async fn access_tokens_verify_and_look_like_those_of_cognito() {
    let issuer = start(SystemClock).await;
    let (_, tokens) =
        post_token(&issuer, "application/x-www-form-urlencoded; charset=utf-8", "username=user-two").await;
    let id_claims = verify(&issuer, tokens["id_token"].as_str().unwrap(), Some(issuer.client_id())).await;
    let claims = verify(&issuer, tokens["access_token"].as_str().unwrap(), None).await;
    assert_eq!(claims["client_id"], "access-broker-dev");
    assert_eq!(claims["token_use"], "access");
    assert_eq!(claims["username"], "user-two");
    assert_eq!(claims["version"], 2);
    assert_eq!(claims["cognito:groups"], json!(["viewers"]));
    assert!(claims["scope"].as_str().unwrap().split(' ').any(|scope| scope == "openid"));
    assert_eq!(claims["sub"], id_claims["sub"]);
    assert_ne!(claims["jti"], id_claims["jti"]);
    for absent in ["aud", "email", "email_verified", "cognito:username"] {
        assert!(claims.get(absent).is_none(), "{absent}");
    }
}

#[tokio::test]
async fn tokens_are_dated_by_the_clock_and_last_as_long_as_asked() {
    let clock = FixedClock(UNIX_EPOCH + Duration::from_millis(1_900_000_000_999));
    let issuer = start(clock).await;
    let (_, tokens) = post_token(&issuer, FORM, "username=user-one&lifetime=90").await;
    assert_eq!(tokens["expires_in"], 90);
    for token in ["id_token", "access_token"] {
        let audience = (token == "id_token").then_some(CLIENT_ID);
        let claims = verify(&issuer, tokens[token].as_str().unwrap(), audience).await;
        assert_eq!(claims["iat"], 1_900_000_000);
        assert_eq!(claims["auth_time"], 1_900_000_000);
        assert_eq!(claims["exp"], 1_900_000_090);
    }
}

#[tokio::test]
async fn refusals_name_the_fault_and_who_is_known() {
    let issuer = start(SystemClock).await;
    let (status, error) = post_token(&issuer, FORM, "username=user-three").await;
    assert_eq!((status, &error["error"]), (400, &json!("invalid_grant")));
    assert_eq!(error["error_description"], "unknown user; the known users are user-one, user-two");

    let large = format!("username=user-one&x={}", "x".repeat(MAX_TOKEN_REQUEST_BYTES));
    let cases = [
        (FORM, "username=user-one&lifetime=0".to_owned(), 400),
        (FORM, "username=user-one&lifetime=86401".to_owned(), 400),
        (FORM, String::new(), 400),
        ("application/json", r#"{"username":"user-one"}"#.to_owned(), 400),
        (FORM, large, 413),
    ];
    for (content_type, body, expected) in cases {
        let (status, error) = post_token(&issuer, content_type, body).await;
        assert_eq!((status, &error["error"]), (expected, &json!("invalid_request")));
    }
}

#[tokio::test]
async fn tokens_are_not_handed_out_by_get() {
    let issuer = start(SystemClock).await;
    let response = http().get(format!("{}/token?username=user-one", issuer.issuer())).send().await.unwrap();
    assert_eq!(response.status(), 405);
}

#[tokio::test]
async fn the_composition_gets_the_same_tokens_and_limits() {
    let issuer = start(SystemClock).await;
    let tokens = issuer.issue("user-one", MAX_TOKEN_LIFETIME).unwrap();
    assert_eq!(tokens.expires_in, 86_400);
    assert_eq!(format!("{tokens:?}"), "IssuedTokens { expires_in: 86400, .. }");
    verify(&issuer, &tokens.id_token, Some(CLIENT_ID)).await;
    assert!(issuer.issue("user-one", Duration::ZERO).is_err());
    assert!(issuer.issue("user-one", MAX_TOKEN_LIFETIME + Duration::from_nanos(1)).is_err());
    assert!(issuer.issue("unknown-user", DEFAULT_TOKEN_LIFETIME).unwrap_err().to_string().contains("user-one, user-two"));
}

#[tokio::test]
async fn any_claims_can_be_signed() {
    let issuer = start(SystemClock).await;
    let claims = json!({ "iss": issuer.issuer(), "sub": "s", "exp": 4_000_000_000_u64, "odd": [1] });
    let token = issuer.sign_claims(&claims).unwrap();
    assert_eq!(verify(&issuer, &token, None).await, claims);
}

#[tokio::test]
async fn an_address_beyond_loopback_is_refused() {
    let options = EmbeddedIssuerOptions { address: (Ipv4Addr::UNSPECIFIED, 0).into(), clock: Arc::new(SystemClock) };
    let error = EmbeddedIssuer::start(options).await.unwrap_err();
    assert!(format!("{error:#}").contains("is not a loopback address"), "{error:#}");
}
