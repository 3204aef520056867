//! `access-broker serve` with keys in a file, and what its log says of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
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

use super::broker::{Builder, issuer_with_keys};
use super::events::{Event, SERVING_ADMIN, SERVING_GRPC};
use super::{PATIENCE, Process};

/// The issuer that the brokers of most tests accept.
pub(crate) const ISSUER: &str = "https://issuer.example";

/// The audience of its tokens.
pub(crate) const AUDIENCE: &str = "broker";

/// A broker whose issuer's keys are in a file, and which writes audit records as it does by default.
pub(crate) fn configuring(issuer: &str, jwks: &Value) -> Builder {
    let issuer = issuer_with_keys(issuer, "jwks.json");
    Builder::new().without("audit").issuer(issuer).file("jwks.json", jwks.to_string())
}

/// The directory of such a broker.
pub(crate) fn configured(issuer: &str, jwks: &Value) -> TempDir {
    configuring(issuer, jwks).write_folder()
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
    let (_, admin) = listening_on(process);
    process.wait_for("serving server", |_| is_ready(admin).then_some(()));
    let lines = log_lines(process);
    lines.iter().find(|line| SERVING_GRPC.is(line)).unwrap()["address"].as_str().unwrap().to_owned()
}

/// The addresses of all gRPC listeners, in the order of the configuration, and of the admin port, once the server serves.
pub(crate) fn serving_on(process: &mut Process) -> (Vec<SocketAddr>, SocketAddr) {
    let (addresses, admin) = listening_on(process);
    process.wait_for("serving server", |_| is_ready(admin).then_some(()));
    (addresses, admin)
}

/// Whether the metrics say that the server serves.
pub(crate) fn is_ready(admin: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&admin, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: broker\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    // This gauge changes after health does.
    ask().is_ok_and(|answer| answer.contains("\naccess_broker_serving 1"))
}

/// The same once the server listens.
pub(crate) fn listening_on(process: &mut Process) -> (Vec<SocketAddr>, SocketAddr) {
    process.wait_for("listening server", |process| {
        let lines = log_lines(process);
        let addresses = |event: &Event| -> Vec<SocketAddr> {
            let lines = lines.iter().filter(|line| event.is(line));
            lines.filter_map(|line| line["address"].as_str().unwrap().parse().ok()).collect()
        };
        Some((addresses(&SERVING_GRPC), *addresses(&SERVING_ADMIN).first()?))
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
pub(crate) fn config_with_keys_at(folder: &TempDir, jwks_url: &str) -> Config {
    let issuer = issuer_with_keys(ISSUER, "").without(&["jwks_file"]).set("jwks_url", jwks_url);
    let builder = Builder::new().audit("output = \"none\"").setting("server", "shutdown_grace", "2s").issuer(issuer);
    builder.write_files(folder.path());
    Config::load(&folder.path().join("broker.toml"), Overrides::new(), PlainHttp::OnLoopback).unwrap()
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
