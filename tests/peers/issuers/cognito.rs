//! moto's Cognito: users who sign up, in a group of the pool or in groups of a SAML provider.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::process::Command;

use super::{Issuer, download, script, with_invalid_signature};
use crate::registry::{Registry, register};
use crate::support::{Broker, Part};

const REGION: &str = "eu-central-1";

const POLICY: &str = r#"
tier = [
    { name = "staff", bucket = "media", prefix = "staff/", download = {} },
    { name = "editors", bucket = "media", prefix = "editors/", download = {} },
    { name = "own", bucket = "media", prefix = "users/{sub}/", download = {} },
]
grant = [
    { tiers = "staff", operations = "download", to = { groups = "staff" } },
    { tiers = "editors", operations = "download", to = { groups = "editors" } },
    { tiers = "own", operations = "download", to = { authenticated = true } },
]
"#;

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(registry, [Moto], users_of_a_pool_are_known_by_both_kinds_of_tokens);
}

async fn users_of_a_pool_are_known_by_both_kinds_of_tokens() {
    let moto = Issuer::start(Command::new("moto_server").args(["-H", "127.0.0.1", "-p", "0"]));
    let address: SocketAddr =
        moto.wait_for("address of moto", |line| line.split_once("Running on http://")?.1.trim().parse().ok()).await;
    let endpoint = format!("http://{address}");
    let mut sign_up = Command::new("python3");
    sign_up.arg(script("cognito.py")).args([&endpoint, REGION]);
    let output = sign_up.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |pointer: &str| found.pointer(pointer).unwrap().as_str().unwrap().to_owned();

    let pool = text("/pool");
    let issuer = Part::default()
        .set("issuer", format!("https://cognito-idp.{REGION}.amazonaws.com/{pool}"))
        .set("preset", "cognito")
        .set("audiences", vec![text("/client")])
        .set("jwks_url", format!("{endpoint}/{pool}/.well-known/jwks.json"))
        .set("insecure_loopback", true)
        .set("groups_claim", vec!["cognito:groups", "custom:groups"])
        .set("groups_text", "commas");
    let program = Broker::builder().issuer(issuer.clone()).policy(POLICY).start_program().await;
    for (user, key, with_id, with_access) in [
        ("ada", "staff/x", "OK", "OK"),
        ("ada", "editors/x", "OPERATION_NOT_GRANTED", "OPERATION_NOT_GRANTED"),
        // Attributes are in ID tokens only.
        ("grace", "editors/x", "OK", "OPERATION_NOT_GRANTED"),
        ("grace", "staff/x", "OPERATION_NOT_GRANTED", "OPERATION_NOT_GRANTED"),
    ] {
        for (kind, expected) in [("id", with_id), ("access", with_access)] {
            let token = text(&format!("/users/{user}/{kind}"));
            assert_eq!(download(&program, &token, key).await, expected, "{user} {kind} {key}");
            let forged = with_invalid_signature(&token);
            assert_eq!(download(&program, &forged, key).await, "CALLER_NOT_AUTHENTICATED", "{user} {kind}");
        }
    }
    program.finish();

    // The same pool for another app client.
    let other = issuer.set("audiences", vec!["another-client"]);
    let program = Broker::builder().issuer(other).policy(POLICY).start_program().await;
    for kind in ["id", "access"] {
        let token = text(&format!("/users/ada/{kind}"));
        assert_eq!(download(&program, &token, "staff/x").await, "CALLER_NOT_AUTHENTICATED", "{kind}");
    }
    program.finish();
}
