//! Metrics of calls, decisions and steps.

use std::fs;

use access_broker::contract::proto::access_broker_service_client::AccessBrokerServiceClient;
use http::uri::PathAndQuery;
use tonic::Code;
use tonic::client::Grpc;
use tonic_prost::ProstCodec;

use crate::support::{
    CUTE_CAT, Client, PATIENCE, SUPER_CUTE_CAT, TestServer, count, download_of, download_with_look, eventually,
    replace, scrape, tcp_channel, value, verification_of,
};

const ISSUE_DOWNLOAD: &str =
    r#"grpc_type="unary",grpc_service="accessbroker.v1.AccessBrokerService",grpc_method="IssueDownloadUrl""#;

fn handled(metrics: &str, labels: &str, code: &str) -> u64 {
    count(metrics, &format!("grpc_server_handled_total{{{labels},grpc_code=\"{code}\"}}"))
}

#[tokio::test]
async fn every_call_is_counted_once_by_method_code_and_decision() {
    let server = TestServer::start().await;
    let before = scrape(&server).await;
    assert_eq!(handled(&before, ISSUE_DOWNLOAD, "OK"), 0);
    assert_eq!(count(&before, "access_broker_authentication_rejections_total{reason=\"missing_token\"}"), 0);

    let client = server.client("user-two").await;
    client.download("media", CUTE_CAT).await.unwrap();
    client.issue_download(download_with_look()).await.unwrap();
    assert_eq!(client.download("media", SUPER_CUTE_CAT).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(client.download("media", "nowhere").await.unwrap_err().code(), Code::PermissionDenied);
    let missing = client.issue_download(download_of("tier 1/missing.jpg", true)).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    let nobody = server.client_with_authorization(&[]).await;
    assert_eq!(nobody.download("media", CUTE_CAT).await.unwrap_err().code(), Code::Unauthenticated);

    let metrics = scrape(&server).await;
    assert_eq!(count(&metrics, &format!("grpc_server_started_total{{{ISSUE_DOWNLOAD}}}")), 6);
    for (code, calls) in [("OK", 2), ("PermissionDenied", 2), ("NotFound", 1), ("Unauthenticated", 1)] {
        assert_eq!(handled(&metrics, ISSUE_DOWNLOAD, code), calls, "{code}");
    }
    assert_eq!(count(&metrics, &format!("grpc_server_handling_seconds_count{{{ISSUE_DOWNLOAD}}}")), 6);
    for (tier, outcome, reason, decisions) in [
        ("tier-1", "issued", "none", 2),
        ("tier-2", "refused", "not_granted", 1),
        ("none", "refused", "no_tier", 1),
        ("tier-1", "failed", "object_not_found", 1),
    ] {
        let labels = format!(r#"operation="download",tier="{tier}",outcome="{outcome}",reason="{reason}""#);
        assert_eq!(count(&metrics, &format!("access_broker_decisions_total{{{labels}}}")), decisions, "{labels}");
    }
    assert_eq!(count(&metrics, "access_broker_authentication_rejections_total{reason=\"missing_token\"}"), 1);
    assert_eq!(count(&metrics, "access_broker_presign_seconds_count"), 2);
    assert_eq!(count(&metrics, "access_broker_inspection_seconds_count"), 2);
    // The first call of the user verified the token, the others found it; nobody had none.
    assert_eq!(count(&metrics, "access_broker_token_cache_lookups_total{result=\"miss\"}"), 1);
    assert_eq!(count(&metrics, "access_broker_token_cache_lookups_total{result=\"hit\"}"), 4);
    assert_eq!(count(&metrics, "access_broker_token_cache_entries"), 1);
    assert!(count(&metrics, "access_broker_token_cache_size_bytes") > 0);
    server.finish().await;
}

#[tokio::test]
async fn a_method_that_nobody_knows_adds_no_label_of_its_own() {
    let server = TestServer::start().await;
    let token = server.token("user-one");
    for path in ["/accessbroker.v1.AccessBrokerService/Secret", "/no.such.Service/Anything"] {
        let client = Client::connect(server.environment().grpc_addr, &[&format!("Bearer {token}")]).await;
        let mut grpc = Grpc::new(tcp_channel(server.environment().grpc_addr).await);
        grpc.ready().await.unwrap();
        let request = client.request(verification_of("a"));
        let codec = ProstCodec::<_, access_broker::contract::proto::VerifyUploadResponse>::default();
        let refused = grpc.unary(request, PathAndQuery::from_static(path), codec).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unimplemented);
    }
    let metrics = scrape(&server).await;
    let unknown = r#"grpc_type="unary",grpc_service="unknown",grpc_method="unknown""#;
    assert_eq!(handled(&metrics, unknown, "Unimplemented"), 2);
    assert!(!metrics.contains("Secret") && !metrics.contains("no.such"));
    server.finish().await;
}

#[tokio::test]
async fn a_verification_is_a_decision_and_a_look() {
    let server = TestServer::start().await;
    let client = server.client("user-one").await;
    let mut broker = AccessBrokerServiceClient::new(tcp_channel(server.environment().grpc_addr).await);
    broker.verify_upload(client.request(verification_of(SUPER_CUTE_CAT))).await.unwrap();
    let metrics = scrape(&server).await;
    let labels = r#"operation="upload",tier="tier-2",outcome="verified",reason="none""#;
    assert_eq!(count(&metrics, &format!("access_broker_decisions_total{{{labels}}}")), 1);
    assert_eq!(count(&metrics, "access_broker_inspection_seconds_count"), 1);
    assert_eq!(count(&metrics, "access_broker_presign_seconds_count"), 0);
    server.finish().await;
}

#[tokio::test]
async fn metrics_show_the_issuers_keys_and_what_became_of_a_changed_policy() {
    let server = TestServer::start().await;
    let issuer = server.environment().issuer.issuer().to_owned();
    let metrics = scrape(&server).await;
    let of_issuer = |name: &str| format!("access_broker_{name}{{issuer=\"{issuer}\"}}");
    assert!(value(&metrics, &of_issuer("issuer_keys")) >= 1.0);
    assert!((value(&metrics, &of_issuer("issuer_keys_usable")) - 1.0).abs() < 0.1);
    assert!((0.0..60.0).contains(&value(&metrics, &of_issuer("issuer_keys_age_seconds"))));
    let refreshes = format!("access_broker_issuer_key_refreshes_total{{issuer=\"{issuer}\",result=\"good\"}}");
    assert!(count(&metrics, &refreshes) >= 1);
    assert_eq!(count(&metrics, "access_broker_policy_generation"), 1);
    let loaded = value(&metrics, "access_broker_policy_loaded_timestamp_seconds");

    let policy = fs::read_to_string(server.policy_file()).unwrap();
    replace(&server.policy_file(), "tier = 1");
    let metrics = until(&server, "access_broker_policy_reloads_total{result=\"refused\"}").await;
    assert_eq!(count(&metrics, "access_broker_policy_file_in_force"), 0);
    replace(&server.policy_file(), policy + "\n# the same again\n");
    let metrics = until(&server, "access_broker_policy_reloads_total{result=\"loaded\"}").await;
    assert_eq!(count(&metrics, "access_broker_policy_generation"), 2);
    assert_eq!(count(&metrics, "access_broker_policy_file_in_force"), 1);
    assert!(value(&metrics, "access_broker_policy_loaded_timestamp_seconds") > loaded);
    server.finish().await;
}

/// Waits until a counter has counted one.
async fn until(server: &TestServer, sample: &str) -> String {
    eventually(sample, PATIENCE, async || {
        let metrics = scrape(server).await;
        if count(&metrics, sample) == 1 { Ok(metrics) } else { Err(metrics) }
    })
    .await
}
