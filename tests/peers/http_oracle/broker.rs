//! The broker of these tests: a program with a tier for each kind of outcome, and callers with and without rights.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::storage;
use crate::support::broker::{bucket, issuer_with_keys};
use crate::support::workloads::tokens::in_ten_minutes;
use crate::support::{AUDIENCE, Broker, Builder, ISSUER, Part, Program};

/// An issuer whose signing keys are unavailable.
const SILENT_ISSUER: &str = "https://silent.example";

/// What a request has in `authorization`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Proof {
    Ada,
    /// Has used up her quota.
    Bea,
    /// Her token refers to another place for her groups.
    Cleo,
    Absent,
    NoToken,
    Expired,
    SilentIssuer,
}

impl Proof {
    pub(super) fn authorization(self, broker: &Program) -> Option<String> {
        let claims = |subject: &str, more: Value| {
            let mut claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": in_ten_minutes() });
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            claims
        };
        let claims = match self {
            Self::Ada => claims("ada", json!({})),
            Self::Bea => claims("bea", json!({})),
            Self::Cleo => claims("cleo", json!({ "hasgroups": true })),
            Self::Expired => claims("ada", json!({ "exp": 1_000_000_000 })),
            Self::SilentIssuer => claims("ada", json!({ "iss": SILENT_ISSUER })),
            Self::Absent => return None,
            Self::NoToken => return Some("Bearer x".to_owned()),
        };
        Some(format!("Bearer {}", broker.token_key.sign(&claims)))
    }
}

/// A broker with a bucket at a storage server, a bucket without credentials, and an issuer without keys.
pub(super) async fn start(policy: &str) -> Program {
    let silent = Part::default()
        .set("issuer", SILENT_ISSUER)
        .set("audiences", vec![AUDIENCE])
        .set("algorithms", vec!["ES256"])
        .set("jwks_url", "http://127.0.0.1:1/keys")
        .set("insecure_loopback", true);
    let unsigned = Part::default().set("name", "unsigned").set("s3_bucket", "acme-unsigned").set("region", "eu-west-1");
    let people = issuer_with_keys(ISSUER, "jwks.json").set("algorithms", vec!["ES256"]);
    let builder = with_storage(policy).await.another_bucket(unsigned).issuer(people).issuer(silent);
    builder.variable("AWS_EC2_METADATA_DISABLED", "true").start_program().await
}

/// A broker with one bucket at a storage server.
pub(super) async fn start_open(policy: &str) -> Program {
    with_storage(policy).await.start_program().await
}

async fn with_storage(policy: &str) -> Builder {
    let storage = storage::start().await;
    let media = bucket()
        .set("endpoint", format!("http://{storage}"))
        .set("conditional_writes", true)
        .set("unsigned_headers", "refused");
    Broker::builder().table("server", "startup_wait = \"1s\"").bucket(media).policy(policy)
}

/// Where it serves HTTP and gRPC.
pub(super) fn address(broker: &Program) -> SocketAddr {
    broker.addresses[0]
}
