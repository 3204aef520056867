//! Where signing credentials come from, and how far the promise of `expires_at` reaches.

use std::time::{Duration, SystemTime};

use access_broker::contract::proto::{ExpiryLimit, IssueDownloadUrlRequest};
use access_broker_dev::EmbeddedIssuer;
use axum::Router;
use axum::routing::get;
use serde_json::json;
use tonic::Code;

use crate::support::broker::{bucket, credentials_in_files};
use crate::support::events::SERVING_GRPC;
use crate::support::{
    Client, ISSUER, PATIENCE, Process, authorization, configuring, error_info, eventually, issuer, log_lines,
    serving_at,
};

/// A configuration whose bucket is signed for by what the machine has.
pub(crate) fn configured_with_the_default_chain(issuer: &EmbeddedIssuer) -> tempfile::TempDir {
    let bucket = bucket().without(&["credentials"]);
    configuring(ISSUER, issuer.jwks()).bucket(bucket).credentials([]).write_folder()
}

pub(crate) async fn client(issuer: &EmbeddedIssuer, address: &str) -> Client {
    let authorization = authorization(issuer);
    Client::connect(address.parse().unwrap(), &[&authorization]).await
}

/// A container's credentials endpoint whose credentials end in five minutes.
async fn container_endpoint() -> String {
    let answer = || async {
        let end = humantime::format_rfc3339_seconds(SystemTime::now() + Duration::from_mins(5)).to_string();
        let credentials = json!({
            "AccessKeyId": "ASIACONTAINER", "SecretAccessKey": "secret", "Token": "session-token", "Expiration": end
        });
        credentials.to_string()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/credentials", listener.local_addr().unwrap());
    let router = Router::new().route("/credentials", get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

// Several threads, because waiting for a process blocks one, and the endpoint needs another.
#[tokio::test(flavor = "multi_thread")]
async fn a_url_never_claims_to_outlive_the_credentials_of_the_container() {
    let issuer = issuer().await;
    let url = container_endpoint().await;
    let variables = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str())];
    let mut process =
        Process::start(&["serve", "--config", "broker.toml"], configured_with_the_default_chain(&issuer), &variables);
    let address = serving_at(&mut process);
    let client = client(&issuer, &address).await;

    let before = SystemTime::now();
    let answer = client.download("media", "x").await.unwrap();
    assert_eq!(answer.expiry_limited_by(), ExpiryLimit::SigningCredentialsExpiry);
    let left = SystemTime::try_from(answer.expires_at.unwrap()).unwrap().duration_since(before).unwrap();
    assert!((Duration::from_mins(4)..=Duration::from_secs(270)).contains(&left), "{left:?}");
    assert!(answer.get.unwrap().url.contains("X-Amz-Security-Token=session-token"));

    let insisting = IssueDownloadUrlRequest { key: "x".into(), require_full_ttl: true, ..Default::default() };
    let refused = client.issue_download(insisting).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(error_info(&refused).reason, "FULL_TTL_NOT_AVAILABLE");

    let short = prost_types::Duration { seconds: 120, nanos: 0 };
    let modest =
        IssueDownloadUrlRequest { key: "x".into(), require_full_ttl: true, ttl: Some(short), ..Default::default() };
    let answer = client.issue_download(modest).await.unwrap();
    assert_eq!(answer.expiry_limited_by(), ExpiryLimit::RequestedTtl);
    process.signal("TERM");
    assert!(process.exit().success());
}

#[tokio::test]
async fn keys_come_from_the_environment_or_from_a_profile() {
    let issuer = issuer().await;
    let profile = "[work]\naws_access_key_id = AKIAFROMPROFILE\naws_secret_access_key = secret\n";
    let from_environment = [("AWS_ACCESS_KEY_ID", "AKIAFROMVARIABLE"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    let from_profile = [("AWS_PROFILE", "work"), ("AWS_SHARED_CREDENTIALS_FILE", "profiles")];
    for (variables, id) in [(from_environment, "AKIAFROMVARIABLE"), (from_profile, "AKIAFROMPROFILE")] {
        let folder = configured_with_the_default_chain(&issuer);
        std::fs::write(folder.path().join("profiles"), profile).unwrap();
        let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &variables);
        let address = serving_at(&mut process);
        let answer = client(&issuer, &address).await.download("media", "x").await.unwrap();
        assert!(answer.get.unwrap().url.contains(&format!("X-Amz-Credential={id}%2F")));
        process.signal("TERM");
        assert!(process.exit().success());
    }
}

#[tokio::test]
async fn temporary_keys_of_unknown_end_are_not_signed_with() {
    let issuer = issuer().await;
    let variables =
        [("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_SESSION_TOKEN", "token")];
    let folder = configured_with_the_default_chain(&issuer);
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &variables);
    let reason = process.wait_for("reason", |process| {
        let lines = log_lines(process);
        let line = lines.iter().find(|line| !line["retry_in_ms"].is_null())?;
        Some(line["error"].as_str().unwrap().to_owned())
    });
    assert!(reason.contains("session token and no expiry"), "{reason}");
    let address = process.wait_for("address", |process| {
        log_lines(process)
            .iter()
            .find_map(|line| (SERVING_GRPC.is(line)).then(|| line["address"].as_str().map(str::to_owned))?)
    });
    let client = client(&issuer, &address).await;
    let refused = eventually("the keys of the issuer", PATIENCE, async || {
        let refused = client.download("media", "x").await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
        // The port is open before the issuer's keys were read.
        (error_info(&refused).reason != "ISSUER_KEYS_UNAVAILABLE").then_some(refused)
    })
    .await;
    assert_eq!(error_info(&refused).reason, "SIGNING_CREDENTIALS_UNAVAILABLE");
    process.signal("TERM");
    assert!(process.exit().success());
}

#[tokio::test]
async fn rotated_files_are_named_and_read_and_never_printed() {
    let issuer = issuer().await;
    let credentials = credentials_in_files("secrets/id", "secrets/key");
    let credentials = credentials.set("session_token_file", "secrets/token").set("expiration_file", "secrets/end");
    let end = humantime::format_rfc3339_seconds(SystemTime::now() + Duration::from_mins(10)).to_string();
    let folder = configuring(ISSUER, issuer.jwks())
        .credentials([credentials])
        .file("secrets/id", "ASIAFROMFILE\n")
        .file("secrets/key", "hunter2\n")
        .file("secrets/token", "hunter3\n")
        .file("secrets/end", end)
        .write_folder();
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &[]);
    let address = serving_at(&mut process);
    let answer = client(&issuer, &address).await.download("media", "x").await.unwrap();
    assert_eq!(answer.expiry_limited_by(), ExpiryLimit::SigningCredentialsExpiry);
    assert!(answer.get.unwrap().url.contains("X-Amz-Credential=ASIAFROMFILE%2F"));
    process.signal("TERM");
    assert!(process.exit().success());
    assert!(!process.stderr().contains("hunter"));
}
