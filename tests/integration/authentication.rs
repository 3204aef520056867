//! Who may call at all. The tokens' own rules are tested in `identity`; here is what a caller sees of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use access_broker::clock::SystemClock;
use access_broker::dev::{CLIENT_ID, EmbeddedIssuer, EmbeddedIssuerOptions};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::support::{CUTE_CAT, SUPER_CUTE_CAT, TestServer, error_info, secrets};

const WORDS: &str = "the call needs one valid bearer token in its authorization metadata";

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The claims of an ID token of user one, good for ten minutes.
fn claims(server: &TestServer) -> Value {
    json!({
        "iss": server.environment().issuer.issuer(),
        "sub": "5b7c1d3e-90a4-4f62-8e17-6d2f0c9ab311",
        "aud": CLIENT_ID,
        "token_use": "id",
        "iat": unix_now(),
        "exp": unix_now() + 600,
        "email": "me+user1@example.com",
        "email_verified": true,
    })
}

fn signed(server: &TestServer, claims: &Value) -> String {
    format!("Bearer {}", server.environment().issuer.sign_claims(claims).unwrap())
}

/// A token put together by hand.
fn unsigned(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let (header, claims) = (header.to_string(), claims.to_string());
    format!("Bearer {}.{}.{}", part(header.as_bytes()), part(claims.as_bytes()), part(signature))
}

async fn call(server: &TestServer, authorization: &[&str]) -> Result<(), Status> {
    server.client_with_authorization(authorization).await.download("media", SUPER_CUTE_CAT).await.map(drop)
}

/// The call is refused, and in the words that every bad proof gets.
async fn assert_unauthenticated(server: &TestServer, case: &str, authorization: &[&str]) {
    let status = call(server, authorization).await.expect_err(case);
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, WORDS), "{case}");
    let info = error_info(&status);
    assert_eq!(info.reason, "CALLER_NOT_AUTHENTICATED", "{case}");
    assert!(info.metadata.is_empty(), "{case}");
}

#[tokio::test]
async fn every_bad_proof_gets_the_same_words() {
    let server = TestServer::start().await;
    let good = signed(&server, &claims(&server));
    call(&server, &[&good]).await.unwrap();

    let other_issuer = EmbeddedIssuer::start(EmbeddedIssuerOptions {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        clock: Arc::new(SystemClock),
    })
    .await
    .unwrap();
    let forged = format!("Bearer {}", other_issuer.sign_claims(&claims(&server)).unwrap());
    let foreign =
        format!("Bearer {}", other_issuer.issue("user-one", std::time::Duration::from_mins(1)).unwrap().id_token);
    let with = |name: &str, value: Value| {
        let mut changed = claims(&server);
        changed[name] = value;
        signed(&server, &changed)
    };
    let without = |name: &str| {
        let mut changed = claims(&server);
        changed.as_object_mut().unwrap().remove(name);
        signed(&server, &changed)
    };
    let none = json!({ "alg": "none", "typ": "JWT" });
    let key_id = server.environment().issuer.jwks()["keys"][0]["kid"].clone();
    let hmac = json!({ "alg": "HS256", "kid": key_id });
    let (head, signature) = good.rsplit_once('.').unwrap();
    let cases: Vec<(&str, Vec<String>)> = vec![
        ("no token", vec![]),
        ("two tokens", vec![good.clone(), good.clone()]),
        ("garbage", vec!["Bearer garbage".to_owned()]),
        ("an empty token", vec!["Bearer ".to_owned()]),
        ("another scheme", vec![good.replacen("Bearer", "Basic", 1)]),
        ("no scheme", vec![good.replacen("Bearer ", "", 1)]),
        ("expired", vec![with("exp", json!(unix_now() - 5))]),
        ("expiry left out", vec![without("exp")]),
        ("not yet valid", vec![with("nbf", json!(unix_now() + 600))]),
        ("another issuer", vec![foreign]),
        ("an issuer nobody trusts", vec![with("iss", json!("https://issuer.example"))]),
        ("issuers in a list", vec![with("iss", json!([server.environment().issuer.issuer()]))]),
        ("another audience", vec![with("aud", json!("somebody-else"))]),
        ("audience left out", vec![without("aud")]),
        ("subject left out", vec![without("sub")]),
        ("another token use", vec![with("token_use", json!("refresh"))]),
        ("forged by another key", vec![forged]),
        ("alg none", vec![unsigned(&none, &claims(&server), b"")]),
        ("alg none with a signature", vec![unsigned(&none, &claims(&server), b"signature")]),
        ("HMAC with the public key's id", vec![unsigned(&hmac, &claims(&server), b"0123456789abcdef0123456789abcdef")]),
        ("signature cut off", vec![format!("{head}.")]),
        ("signature truncated", vec![good[..good.len() - 4].to_owned()]),
        (
            "signature of another token",
            vec![{
                let other = with("email", json!("me+user2@example.com"));
                format!("{}.{signature}", other.rsplit_once('.').unwrap().0)
            }],
        ),
        ("larger than any token", vec![format!("Bearer {}", "x".repeat(9_000))]),
    ];
    for (case, values) in &cases {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        assert_unauthenticated(&server, case, &values).await;
    }
    let log = secrets::log();
    for reason in
        ["missing_token", "several_tokens", "token_expired", "unknown_issuer", "audience_mismatch", "signature_invalid"]
    {
        assert!(log.contains(&format!("\"reason\":\"{reason}\"")), "the log lacks {reason}");
    }
}

#[tokio::test]
async fn the_scheme_is_read_without_regard_to_case() {
    let server = TestServer::start().await;
    let token = server.token("user-one");
    for scheme in ["bearer", "BEARER"] {
        call(&server, &[&format!("{scheme} {token}")]).await.unwrap();
    }
}

#[tokio::test]
async fn access_tokens_work_where_the_policy_needs_no_address() {
    let server = TestServer::start().await;
    let tokens = server.environment().issuer.issue("user-one", std::time::Duration::from_mins(1)).unwrap();
    let client = server.client_with_authorization(&[&format!("Bearer {}", tokens.access_token)]).await;
    assert!(client.download("media", CUTE_CAT).await.is_ok());
    // An access token has no address, and the grant for tier 2 asks for one.
    assert_eq!(client.download("media", SUPER_CUTE_CAT).await.unwrap_err().code(), Code::PermissionDenied);

    let mut other_client = claims(&server);
    other_client["token_use"] = json!("access");
    other_client["client_id"] = json!("another-client");
    other_client.as_object_mut().unwrap().remove("aud");
    assert_unauthenticated(&server, "another client's access token", &[&signed(&server, &other_client)]).await;
}

#[tokio::test]
async fn an_address_that_is_not_verified_opens_nothing() {
    let server = TestServer::start().await;
    let mut unverified = claims(&server);
    unverified["email_verified"] = json!(false);
    let refused = call(&server, &[&signed(&server, &unverified)]).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn authentication_comes_before_everything_else() {
    let server = TestServer::start().await;
    let stranger = server.client_with_authorization(&[]).await;
    let refused = stranger.download("s3://no bucket", "//").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "a stranger learns nothing of the request's rules");
}

#[tokio::test]
async fn tokens_come_from_the_issuer_over_http() {
    let server = TestServer::start().await;
    let url = format!("{}/token", server.environment().issuer.issuer());
    let http = reqwest::Client::new();
    let answer = http
        .post(&url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body("username=user-two&lifetime=60")
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success());
    let tokens: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let authorization = format!("Bearer {}", tokens["id_token"].as_str().unwrap());
    let client = server.client_with_authorization(&[&authorization]).await;
    assert!(client.download("media", CUTE_CAT).await.is_ok());
}
