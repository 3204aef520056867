//! Who may call the environment of `access-broker dev` at all. The tokens' own rules are tested in `identity` and, with
//! what a caller sees of them, in `corpus`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use access_broker_base::clock::SystemClock;
use access_broker_dev::{CLIENT_ID, EmbeddedIssuer, EmbeddedIssuerOptions};
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::support::{CUTE_CAT, SUPER_CUTE_CAT, TestServer, error_info};

const WORDS: &str = "this listener requires one valid bearer token in the header authorization";

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
async fn another_issuer_of_the_same_kind_proves_nothing_and_gets_the_words_for_every_bad_proof() {
    let server = TestServer::start().await;
    let good = signed(&server, &claims(&server));
    call(&server, &[&good]).await.unwrap();

    let other_issuer = EmbeddedIssuer::start(EmbeddedIssuerOptions {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        clock: Arc::new(SystemClock),
    })
    .await
    .unwrap();
    let foreign = other_issuer.issue("user-one", Duration::from_mins(1)).unwrap().id_token;
    let forged = other_issuer.sign_claims(&claims(&server)).unwrap();
    let mut borrowed = claims(&server);
    borrowed["iss"] = json!(other_issuer.issuer());
    assert_unauthenticated(&server, "its own token", &[&format!("Bearer {foreign}")]).await;
    assert_unauthenticated(&server, "its token in this issuer's name", &[&format!("Bearer {forged}")]).await;
    assert_unauthenticated(&server, "this issuer's token in its name", &[&signed(&server, &borrowed)]).await;
    assert_unauthenticated(&server, "no token", &[]).await;
    server.finish().await;
}

#[tokio::test]
async fn the_scheme_is_read_without_regard_to_case() {
    let server = TestServer::start().await;
    let token = server.token("user-one");
    for scheme in ["bearer", "BEARER"] {
        call(&server, &[&format!("{scheme} {token}")]).await.unwrap();
    }
    server.finish().await;
}

#[tokio::test]
async fn access_tokens_work_where_the_policy_needs_no_address() {
    let server = TestServer::start().await;
    let tokens = server.environment().issuer.issue("user-one", Duration::from_mins(1)).unwrap();
    let client = server.client_with_authorization(&[&format!("Bearer {}", tokens.access_token)]).await;
    assert!(client.download("media", CUTE_CAT).await.is_ok());
    // An access token has no address, and the grant for tier 2 asks for one.
    assert_eq!(client.download("media", SUPER_CUTE_CAT).await.unwrap_err().code(), Code::PermissionDenied);

    let mut other_client = claims(&server);
    other_client["token_use"] = json!("access");
    other_client["client_id"] = json!("another-client");
    other_client.as_object_mut().unwrap().remove("aud");
    assert_unauthenticated(&server, "another client's access token", &[&signed(&server, &other_client)]).await;
    server.finish().await;
}

#[tokio::test]
async fn an_address_that_is_not_verified_opens_nothing() {
    let server = TestServer::start().await;
    let mut unverified = claims(&server);
    unverified["email_verified"] = json!(false);
    let refused = call(&server, &[&signed(&server, &unverified)]).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    server.finish().await;
}

#[tokio::test]
async fn authentication_comes_before_everything_else() {
    let server = TestServer::start().await;
    let stranger = server.client_with_authorization(&[]).await;
    let refused = stranger.download("s3://no bucket", "//").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "a stranger learns nothing of the request's rules");
    server.finish().await;
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
    server.finish().await;
}
