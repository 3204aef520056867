//! The founding scenario: two users, two tiers.

use access_broker::contract::proto::{ExpiryLimit, IssueDownloadUrlRequest, SignedRequest};
use access_broker_dev::{CUTE_CAT as CUTE_CAT_PICTURE, SUPER_CUTE_CAT as SUPER_CUTE_CAT_PICTURE};
use reqwest::StatusCode;
use tonic::Code;

use crate::support::secrets::access_line;
use crate::support::{CUTE_CAT, PATIENCE, SUPER_CUTE_CAT, TestServer, error_info, eventually, http_request, replace};

async fn get(signed: &SignedRequest) -> (StatusCode, Vec<u8>) {
    let answer = http_request(&reqwest::Client::new(), signed).send().await.unwrap();
    (answer.status(), answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn both_users_download_tier_1_byte_for_byte() {
    let server = TestServer::start().await;
    for user in ["user-one", "user-two"] {
        let answer = server.client(user).await.download("media", CUTE_CAT).await.unwrap();
        assert_eq!(answer.tier, "tier-1");
        let signed = answer.get.unwrap();
        assert!(signed.headers.is_empty() && signed.url.contains("/tier%201/cute-cat.jpg?"), "a space is %20");
        assert_eq!(get(&signed).await, (StatusCode::OK, CUTE_CAT_PICTURE.content.to_vec()));
    }
    server.finish().await;
}

#[tokio::test]
async fn only_user_one_downloads_tier_2() {
    let server = TestServer::start().await;
    let answer = server.client("user-one").await.download("media", SUPER_CUTE_CAT).await.unwrap();
    assert_eq!(get(&answer.get.unwrap()).await, (StatusCode::OK, SUPER_CUTE_CAT_PICTURE.content.to_vec()));

    let refused = server.client("user-two").await.download("media", SUPER_CUTE_CAT).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let info = error_info(&refused);
    assert_eq!(info.reason, "OPERATION_NOT_GRANTED");
    assert!(info.metadata.contains_key("decisionId"));
    server.finish().await;
}

#[tokio::test]
async fn what_is_in_no_tier_is_refused_to_everybody() {
    let server = TestServer::start().await;
    for user in ["user-one", "user-two"] {
        let client = server.client(user).await;
        for (bucket, key) in [
            ("media", "notes.txt"),
            ("media", "tier 10/x.jpg"),
            ("media", "tier 1/x.png"),
            ("media", "tier%201/cute-cat.jpg"),
            ("media", "TIER 1/cute-cat.jpg"),
            ("archive", CUTE_CAT),
        ] {
            let refused = client.download(bucket, key).await.unwrap_err();
            assert_eq!(refused.code(), Code::PermissionDenied, "{bucket} {key}");
            assert_eq!(error_info(&refused).reason, "OBJECT_IN_NO_TIER", "{bucket} {key}");
        }
    }
    server.finish().await;
}

#[tokio::test]
async fn a_get_url_does_that_and_nothing_else() {
    let server = TestServer::start().await;
    let signed = server.client("user-one").await.download("media", CUTE_CAT).await.unwrap().get.unwrap();
    let http = reqwest::Client::new();

    let put = http.put(&signed.url).body("overwritten").send().await.unwrap();
    assert_eq!(put.status(), StatusCode::FORBIDDEN);
    let delete = http.delete(&signed.url).send().await.unwrap();
    assert_eq!(delete.status(), StatusCode::FORBIDDEN);
    assert_eq!(http.head(&signed.url).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let other_key = signed.url.replace("tier%201/cute-cat.jpg", "tier%202/super-cute-cat.jpg");
    assert_ne!(other_key, signed.url);
    assert_eq!(http.get(&other_key).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let longer = signed.url.replace("X-Amz-Expires=900", "X-Amz-Expires=90000");
    assert_ne!(longer, signed.url);
    assert_eq!(http.get(&longer).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let added = format!("{}&response-content-type=text%2Fhtml", signed.url);
    assert_eq!(http.get(&added).send().await.unwrap().status(), StatusCode::FORBIDDEN);

    assert_eq!(server.stored(CUTE_CAT).unwrap(), CUTE_CAT_PICTURE.content);
    server.finish().await;
}

#[tokio::test]
async fn the_head_url_reads_the_headers() {
    let server = TestServer::start().await;
    let signed = server.client("user-one").await.download("media", CUTE_CAT).await.unwrap().head.unwrap();
    assert_eq!(signed.method, "HEAD");
    let answer = http_request(&reqwest::Client::new(), &signed).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-length"], CUTE_CAT_PICTURE.content.len().to_string());
    assert_eq!(answer.headers()["content-type"], "image/jpeg");
    server.finish().await;
}

#[tokio::test]
async fn a_url_stops_working_when_it_said_it_would() {
    let server = TestServer::start().await;
    let ttl = prost_types::Duration { seconds: 2, nanos: 0 };
    let request =
        IssueDownloadUrlRequest { key: CUTE_CAT.to_owned(), ttl: Some(ttl), ..IssueDownloadUrlRequest::default() };
    let answer = server.client("user-one").await.issue_download(request).await.unwrap();
    assert_eq!(answer.expiry_limited_by(), ExpiryLimit::RequestedTtl);
    let expires_at = std::time::SystemTime::try_from(answer.expires_at.unwrap()).unwrap();
    let signed = answer.get.unwrap();
    assert_eq!(get(&signed).await.0, StatusCode::OK);
    let left = expires_at.duration_since(std::time::SystemTime::now()).unwrap();
    assert!(left <= std::time::Duration::from_secs(2), "{left:?}");
    // The embedded S3 counts whole seconds, so that the last one may still work.
    tokio::time::sleep(left + std::time::Duration::from_millis(1_100)).await;
    assert_eq!(get(&signed).await.0, StatusCode::FORBIDDEN);
    server.finish().await;
}

#[tokio::test]
async fn the_only_bucket_needs_no_name() {
    let server = TestServer::start().await;
    let answer = server.client("user-one").await.download("", CUTE_CAT).await.unwrap();
    assert_eq!(get(&answer.get.unwrap()).await.0, StatusCode::OK);
    server.finish().await;
}

#[tokio::test]
async fn a_call_leaves_one_line_with_all_that_was_decided() {
    let server = TestServer::start().await;
    let answer = server.client("user-one").await.download("media", CUTE_CAT).await.unwrap();
    let line = access_line(&answer.decision_id).await;
    for (field, value) in [
        ("method", "IssueDownloadUrl"),
        ("code", "OK"),
        ("issuer", server.environment().issuer.issuer()),
        ("bucket", "media"),
        ("tier", "tier-1"),
        ("rule", "grant[0]"),
    ] {
        assert_eq!(line[field], value, "{line}");
    }
    assert!(line["duration_ms"].is_number() && line["subject"].is_string(), "{line}");
    let expires_at = humantime::parse_rfc3339(line["expires_at"].as_str().unwrap()).unwrap();
    assert_eq!(prost_types::Timestamp::from(expires_at), answer.expires_at.unwrap());

    let refused = server.client("user-two").await.download("media", SUPER_CUTE_CAT).await.unwrap_err();
    let line = access_line(&error_info(&refused).metadata["decisionId"]).await;
    assert_eq!((&line["code"], &line["reason"]), (&"PERMISSION_DENIED".into(), &"not_granted".into()), "{line}");
    server.finish().await;
}

#[tokio::test]
async fn a_changed_policy_is_in_force_for_the_next_call_and_a_broken_one_is_not() {
    let server = TestServer::start().await;
    let client = server.client("user-two").await;
    assert!(client.download("media", SUPER_CUTE_CAT).await.is_err());

    let policy = std::fs::read_to_string(server.policy_file()).unwrap();
    let open = policy.replace("tiers = [\"tier-1\"]", "tiers = [\"tier-1\", \"tier-2\"]");
    assert_ne!(open, policy);
    replace(&server.policy_file(), &open);
    eventually("the changed policy", PATIENCE, async || client.download("media", SUPER_CUTE_CAT).await).await;

    replace(&server.policy_file(), "[[tier]]\nname = 1\n");
    let page = format!("http://{}/metrics", server.environment().server.admin_addr());
    eventually("a refusal of the broken policy", PATIENCE, async || {
        let metrics = crate::support::http_get(&page).await.unwrap().text().await.unwrap();
        let is_refused = metrics.contains("\naccess_broker_policy_file_in_force 0");
        if is_refused { Ok(()) } else { Err(metrics) }
    })
    .await;
    assert!(client.download("media", SUPER_CUTE_CAT).await.is_ok());
    server.finish().await;
}
