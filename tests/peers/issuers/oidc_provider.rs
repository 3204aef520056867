//! The npm package oidc-provider: access tokens by RFC 9068 for an application and for a user who signs in, and an ID
//! token. The program finds the keys by discovery.

use serde_json::Value;
use tokio::process::Command;

use super::{Issuer, download, script, with_invalid_signature};
use crate::registry::{Registry, register};
use crate::requirement::oidc_provider_module;
use crate::support::{Broker, Part};

const POLICY: &str = r#"
tier = [
    { name = "tenant", bucket = "media", prefix = "tenants/{claims./tenant/id}/", download = {} },
    { name = "own", bucket = "media", prefix = "users/{sub}/", download = {} },
    { name = "drafts", bucket = "media", prefix = "drafts/", download = {} },
]
grant = [
    { tiers = ["tenant", "own"], operations = "download", to = { scopes = "media.read" } },
    { tiers = "drafts", operations = "download", to = { groups = "editors", claims = { client_id = "web" } } },
]
"#;

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(registry, [OidcProvider], applications_and_users_are_known_by_every_algorithm);
}

async fn applications_and_users_are_known_by_every_algorithm() {
    let module = oidc_provider_module().unwrap();
    let provider = Issuer::start(Command::new("node").arg(script("oidc_provider.js")).arg(module));
    let found: Value = provider.wait_for("tokens", |line| serde_json::from_str(line).ok()).await;
    let text = |pointer: &str| found.pointer(pointer).unwrap().as_str().unwrap().to_owned();

    let issuer = Part::default()
        .set("issuer", text("/issuer"))
        .set("audiences", vec!["access-broker"])
        .set("token_type", "at+jwt")
        .set("algorithms", vec!["RS256", "ES256", "EdDSA"])
        .set("groups_claim", "/tenant/groups")
        .set("insecure_loopback", true);
    let program = Broker::builder().issuer(issuer).policy(POLICY).start_program().await;
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let token = text(&format!("/service/{algorithm}"));
        for (key, expected) in [
            ("tenants/acme/x", "OK"),
            ("tenants/other/x", "OBJECT_IN_NO_TIER"),
            ("users/service/x", "OK"),
            ("drafts/x", "OPERATION_NOT_GRANTED"),
        ] {
            assert_eq!(download(&program, &token, key).await, expected, "{algorithm} {key}");
        }
        let forged = with_invalid_signature(&token);
        assert_eq!(download(&program, &forged, "tenants/acme/x").await, "CALLER_NOT_AUTHENTICATED", "{algorithm}");
    }
    let access = text("/user/access");
    for (key, expected) in [("users/ada/x", "OK"), ("users/service/x", "OBJECT_IN_NO_TIER"), ("drafts/x", "OK")] {
        assert_eq!(download(&program, &access, key).await, expected, "{key}");
    }
    // An ID token is for the application.
    assert_eq!(download(&program, &text("/user/id"), "users/ada/x").await, "CALLER_NOT_AUTHENTICATED");
    program.finish();
}
