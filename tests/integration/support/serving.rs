//! `access-broker serve` with keys in a file, and what its log says of it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use access_broker::config::Config;
use access_broker::server::StartOptions;
use access_broker_base::clock::SystemClock;
use access_broker_base::document::Overrides;
use access_broker_dev::{EmbeddedIssuer, EmbeddedIssuerOptions};
use access_broker_identity::PlainHttp;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{BUCKET, EVERYBODY_READS, Process, folder};

/// The issuer that the brokers of most tests accept.
pub(crate) const ISSUER: &str = "https://issuer.example";

/// The audience of its tokens.
pub(crate) const AUDIENCE: &str = "broker";

/// A folder with a configuration whose issuer's keys are in a file.
pub(crate) fn configured(issuer: &str, jwks: &Value) -> TempDir {
    let folder = folder();
    let broker = format!(
        r#"
[server]
grpc_addr = "127.0.0.1:0"
admin_addr = "127.0.0.1:0"
drain_delay = "0s"
shutdown_grace = "5s"

[policy]
file = "policy.toml"

[[issuer]]
issuer = "{issuer}"
audiences = ["broker"]
jwks_file = "jwks.json"

{BUCKET}"#
    );
    for (name, content) in
        [("broker.toml", broker.as_str()), ("policy.toml", EVERYBODY_READS), ("jwks.json", &jwks.to_string())]
    {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

pub(crate) async fn issuer() -> EmbeddedIssuer {
    let address = "127.0.0.1:0".parse().unwrap();
    EmbeddedIssuer::start(EmbeddedIssuerOptions { address, clock: Arc::new(SystemClock) }).await.unwrap()
}

pub(crate) fn log_lines(process: &Process) -> Vec<Value> {
    process.stderr().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The gRPC address that the log names, once the server serves.
pub(crate) fn serving_at(process: &mut Process) -> String {
    process.wait_for("serving server", |process| {
        let lines = log_lines(process);
        lines.iter().any(|line| line["message"] == "serving").then_some(())?;
        lines.iter().find_map(|line| {
            (line["message"] == "serving gRPC").then(|| line["address"].as_str().map(str::to_owned))?
        })
    })
}

/// The addresses of all gRPC listeners, in the order of the configuration, and of the admin port, once the server serves.
pub(crate) fn serving_on(process: &mut Process) -> (Vec<SocketAddr>, SocketAddr) {
    process.wait_for("serving server", |process| {
        log_lines(process).iter().any(|line| line["message"] == "serving").then_some(())
    });
    listening_on(process)
}

/// The same once the server listens.
pub(crate) fn listening_on(process: &mut Process) -> (Vec<SocketAddr>, SocketAddr) {
    process.wait_for("listening server", |process| {
        let lines = log_lines(process);
        let with_message = |message: &str| -> Vec<SocketAddr> {
            let lines = lines.iter().filter(|line| line["message"] == message);
            lines.map(|line| line["address"].as_str().unwrap().parse().unwrap()).collect()
        };
        Some((with_message("serving gRPC"), *with_message("serving admin HTTP").first()?))
    })
}

/// A token that this issuer signs for somebody whom the broker lets read.
pub(crate) fn authorization(issuer: &EmbeddedIssuer) -> String {
    authorization_of(issuer, "somebody")
}

/// The same for another subject.
pub(crate) fn authorization_of(issuer: &EmbeddedIssuer, subject: &str) -> String {
    let claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": unix_seconds() + 600 });
    format!("Bearer {}", issuer.sign_claims(&claims).unwrap())
}

/// The time, in seconds since 1970.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// Options of a broker in which every environment variable is set.
pub(crate) fn start_options() -> StartOptions {
    StartOptions { environment: Arc::new(|name| Some(format!("value-of-{name}"))), ..StartOptions::system() }
}

/// A configuration whose issuer's keys are at `jwks_url`.
pub(crate) fn config_with_keys_at(folder: &Path, jwks_url: &str) -> Config {
    fs::write(folder.join("policy.toml"), EVERYBODY_READS).unwrap();
    let text = format!(
        r#"
        [server]
        grpc_addr = "127.0.0.1:0"
        admin_addr = "127.0.0.1:0"
        drain_delay = "0s"
        shutdown_grace = "2s"
        [audit]
        output = "none"
        [policy]
        file = "policy.toml"
        [[issuer]]
        issuer = "{ISSUER}"
        audiences = ["broker"]
        jwks_url = "{jwks_url}"
        [[bucket]]
        name = "media"
        s3_bucket = "media"
        region = "eu-west-1"
        credentials = "test"
        [[credentials]]
        name = "test"
        access_key_id_env = "ID"
        secret_access_key_env = "KEY"
        "#
    );
    Config::parse("test.toml", &text, folder, Overrides::new(), PlainHttp::OnLoopback).unwrap()
}

/// A token that would be fine if its key were known.
pub(crate) fn token_with_key_id(key_id: &str) -> String {
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let exp = unix_seconds() + 600;
    let claims = json!({ "iss": ISSUER, "aud": "broker", "sub": "somebody", "exp": exp });
    format!(
        "{}.{}.{}",
        part(json!({ "alg": "RS256", "kid": key_id })),
        part(claims),
        BASE64_URL_SAFE_NO_PAD.encode([7; 256])
    )
}

/// A proof that is right but for its signature, each time another one.
pub(crate) fn forged_token(authorization: &str) -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let (signed, _) = authorization.rsplit_once('.').unwrap();
    let mut signature = [7; 256];
    signature[..8].copy_from_slice(&NUMBER.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}
