//! Keys from a server with a private certificate authority and a bearer token, by the program itself.

use std::net::SocketAddr;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use serde_json::Value;

use super::token;
use crate::support::broker::issuer_with_keys;
use crate::support::pki::Authority;
use crate::support::{Builder, Client, ISSUER, Process, VARIABLES, issuer, log_lines, replace, serving_at};

const SECRET: &str = "s3cret-of-the-broker";

/// Serves keys to clients that have the bearer token.
async fn serve_keys(authority: &Authority, jwks: &Value) -> SocketAddr {
    let jwks = jwks.to_string();
    let answer = async move |headers: HeaderMap| match headers.get("authorization") {
        Some(value) if value == &format!("Bearer {SECRET}") => Ok(jwks),
        _ => Err(StatusCode::UNAUTHORIZED),
    };
    authority.serve(Router::new().route("/keys", get(answer))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_without_authorities_gets_keys_through_those_of_a_file_that_may_be_replaced() {
    let issuer = issuer().await;
    let (right, wrong) = (Authority::new("keys"), Authority::new("keys"));
    let server = serve_keys(&right, issuer.jwks()).await;
    let keys = issuer_with_keys(ISSUER, "").without(&["jwks_file"]).set("jwks_url", format!("https://{server}/keys"));
    let keys = keys.set("jwks_ca_file", "ca.crt").set("jwks_bearer_file", "bearer");
    let folder = Builder::new()
        .without("audit")
        .issuer(keys)
        .file("ca.crt", wrong.pem())
        .file("bearer", format!("{SECRET}\n"))
        .write_folder();

    let no_authorities = [("SSL_CERT_FILE", "/nowhere/ca.crt"), ("SSL_CERT_DIR", "/nowhere")];
    let variables = [&VARIABLES[..], &no_authorities].concat();
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &variables);
    // The log says why there are no keys, down to the first cause.
    process.wait_for("refusal of the certificate", |process| {
        let refused = |line: &Value| line["error"].as_str().is_some_and(|error| error.contains("peer certificate"));
        log_lines(process).iter().any(refused).then_some(())
    });
    replace(&process.path("ca.crt"), right.pem());
    let address = serving_at(&mut process);
    let client = Client::connect(address.parse().unwrap(), &[&format!("Bearer {}", token(&issuer, "somebody"))]).await;
    client.download("", "report.pdf").await.unwrap();
    process.signal("TERM");
    assert!(process.exit().success());
    assert!(!process.stderr().contains(SECRET));
}
