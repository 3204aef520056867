//! What is recorded of each kind of event.

use std::fs;

use access_broker::contract::proto::checksum::Value as ChecksumValue;
use access_broker::contract::proto::{Checksum, IssueDownloadUrlRequest, IssueUploadUrlRequest, VerifyUploadRequest};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tonic::Code;

use crate::support::secrets::access_line;
use crate::support::{CUTE_CAT, SUPER_CUTE_CAT, TestServer, audit_records, error_info, http_request};

fn records(server: &TestServer) -> Vec<Value> {
    audit_records(&fs::read_to_string(server.environment().audit_file()).unwrap())
}

/// The one record of a decision. It is there as soon as the answer is.
fn record(server: &TestServer, decision_id: &str) -> Value {
    let found: Vec<_> = records(server).into_iter().filter(|record| record["decision_id"] == decision_id).collect();
    assert_eq!(found.len(), 1, "{decision_id}");
    found[0].clone()
}

fn assert_fields(record: &Value, expected: &[(&str, Value)]) {
    for (field, value) in expected {
        assert_eq!(&record[field], value, "{field}: {record}");
    }
}

#[tokio::test]
async fn an_issued_download_is_recorded_with_its_caller_and_its_end() {
    let server = TestServer::start().await;
    let answer = server.client("user-one").await.download("media", CUTE_CAT).await.unwrap();
    let record = record(&server, &answer.decision_id);
    let line = access_line(&answer.decision_id).await;
    assert_fields(
        &record,
        &[
            ("event", json!("download_url_issued")),
            ("method", json!("IssueDownloadUrl")),
            ("operation", json!("download")),
            ("bucket", json!("media")),
            ("key", json!(CUTE_CAT)),
            ("tier", json!("tier-1")),
            ("rule", json!("grant[0]")),
            ("endpoint", json!("default")),
            ("terms", json!({})),
            ("expires_at", line["expires_at"].clone()),
            ("expiry_limited_by", json!("tier_default_ttl")),
        ],
    );
    let caller = json!({
        "caller_id": line["caller_id"],
        "issuer": server.environment().issuer.issuer(),
        "subject": line["subject"],
    });
    assert_eq!(record["caller"], caller);
    assert!(record["peer"]["address"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(answer.get.unwrap().url.contains(record["caller"]["caller_id"].as_str().unwrap()));
    server.finish().await;
}

#[tokio::test]
async fn what_the_urls_of_a_download_bind_is_recorded() {
    let server = TestServer::start_with_policy(
        r#"
        tier = [{ name = "t", bucket = "media", prefix = "", download = {
            stable_window = "5m", disposition = "attachment", content_type = "application/octet-stream",
        } }]
        grant = [{ tiers = ["t"], operations = ["download"], to = { authenticated = true } }]
        "#,
    )
    .await;
    let request = IssueDownloadUrlRequest {
        key: CUTE_CAT.to_owned(),
        version_id: Some("v1".to_owned()),
        stable: true,
        ..IssueDownloadUrlRequest::default()
    };
    let answer = server.client("user-one").await.issue_download(request).await.unwrap();
    let expected = json!({
        "version_id": "v1",
        "response_content_type": "application/octet-stream",
        "response_content_disposition": "attachment",
        "stable": true,
    });
    assert_eq!(record(&server, &answer.decision_id)["terms"], expected);
    server.finish().await;
}

const CONTENT: &[u8] = b"not quite a picture";

#[tokio::test]
async fn an_upload_and_its_verification_are_recorded_without_its_metadata() {
    let server = TestServer::start_with_policy(
        r#"
        tier = [{ name = "t", bucket = "media", prefix = "in/", upload = { record_decision = true, encryption = { algorithm = "AES256" } } }]
        grant = [{ tiers = ["t"], operations = ["upload"], to = { authenticated = true } }]
        "#,
    )
    .await;
    let client = server.client("user-two").await;
    let checksum = digest(&SHA256, CONTENT);
    let request = IssueUploadUrlRequest {
        key: "in/a \"quoted\" \u{2028} key.txt".to_owned(),
        content_type: Some("text/plain".to_owned()),
        content_length: Some(CONTENT.len() as u64),
        checksum: Some(Checksum { value: Some(ChecksumValue::Sha256(checksum.as_ref().to_vec())) }),
        metadata: [("purpose".to_owned(), "a-secret-purpose".to_owned())].into(),
        ..IssueUploadUrlRequest::default()
    };
    let answer = client.issue_upload(request.clone()).await.unwrap();
    let issued = record(&server, &answer.decision_id);
    assert_fields(
        &issued,
        &[
            ("event", json!("upload_url_issued")),
            ("key", json!(request.key)),
            (
                "terms",
                json!({
                    "content_type": "text/plain",
                    "content_length": CONTENT.len(),
                    "checksum": { "algorithm": "sha256", "value": BASE64_STANDARD.encode(checksum) },
                    "create_only": true,
                    "encryption": { "algorithm": "AES256" },
                    "record_decision": true,
                }),
            ),
        ],
    );
    assert!(!issued.to_string().contains("a-secret-purpose"));

    let uploaded = http_request(&reqwest::Client::new(), &answer.put.unwrap()).body(CONTENT).send().await.unwrap();
    assert_eq!(uploaded.status(), 200);
    for (content_length, as_expected) in [(CONTENT.len() as u64, true), (1, false)] {
        let request = VerifyUploadRequest {
            key: request.key.clone(),
            content_length: Some(content_length),
            decision_id: Some(answer.decision_id.clone()),
            ..VerifyUploadRequest::default()
        };
        let verified = client.verify_upload(request).await.unwrap();
        assert_fields(
            &record(&server, &verified.decision_id),
            &[
                ("event", json!("upload_verified")),
                ("method", json!("VerifyUpload")),
                ("operation", json!("upload")),
                ("as_expected", json!(as_expected)),
                ("mismatches", json!(if as_expected { vec![] } else { vec!["content_length"] })),
                ("unknown", json!([])),
            ],
        );
    }
    server.finish().await;
}

#[tokio::test]
async fn what_was_refused_or_failed_is_recorded_with_its_reason() {
    let server = TestServer::start().await;
    let client = server.client("user-two").await;
    let missing = IssueDownloadUrlRequest {
        key: "tier 1/no-such-cat.jpg".to_owned(),
        must_exist: true,
        ..IssueDownloadUrlRequest::default()
    };
    let upload = IssueUploadUrlRequest { key: "tier 2/x.jpg".to_owned(), ..IssueUploadUrlRequest::default() };
    for (refused, code, event, reason, tier) in [
        (
            client.download("media", SUPER_CUTE_CAT).await.unwrap_err(),
            Code::PermissionDenied,
            "refused",
            "not_granted",
            json!("tier-2"),
        ),
        (client.download("archive", "x").await.unwrap_err(), Code::PermissionDenied, "refused", "no_tier", json!(null)),
        (
            server.client("user-one").await.issue_upload(upload).await.unwrap_err(),
            Code::InvalidArgument,
            "refused",
            "obligations_not_met",
            json!("tier-2"),
        ),
        (
            client.issue_download(missing).await.unwrap_err(),
            Code::NotFound,
            "failed",
            "object_not_found",
            json!("tier-1"),
        ),
    ] {
        assert_eq!(refused.code(), code);
        let record = record(&server, &error_info(&refused).metadata["decisionId"]);
        assert_fields(&record, &[("event", json!(event)), ("reason", json!(reason)), ("tier", tier)]);
    }
    server.finish().await;
}

#[tokio::test]
async fn what_was_not_decided_is_not_recorded() {
    let server = TestServer::start().await;
    let stranger = server.client_with_authorization(&["Bearer x"]).await;
    assert_eq!(stranger.download("media", CUTE_CAT).await.unwrap_err().code(), Code::Unauthenticated);
    let malformed = server.client("user-one").await.download("media", "/").await.unwrap_err();
    assert_eq!(malformed.code(), Code::InvalidArgument);
    assert_eq!(records(&server), [] as [Value; 0]);
    server.finish().await;
}
