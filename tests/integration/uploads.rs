//! Uploads: the answer is the whole contract, and S3 holds the uploader to it.

use access_broker::contract::proto::checksum::Value;
use access_broker::contract::proto::{Checksum, ExpiryLimit, IssueUploadUrlRequest, IssueUploadUrlResponse};
use aws_lc_rs::digest::{SHA256, digest};
use reqwest::StatusCode;
use tonic::{Code, Status};

use crate::support::{TestServer, error_info, field_violations, http_request};

const CONTENT: &[u8] = b"not quite a picture";

fn jpeg(key: &str) -> IssueUploadUrlRequest {
    IssueUploadUrlRequest {
        bucket: "media".to_owned(),
        key: key.to_owned(),
        content_type: Some("image/jpeg".to_owned()),
        content_length: Some(CONTENT.len() as u64),
        checksum: Some(Checksum { value: Some(Value::Sha256(digest(&SHA256, CONTENT).as_ref().to_vec())) }),
        ..IssueUploadUrlRequest::default()
    }
}

async fn issue(server: &TestServer, request: IssueUploadUrlRequest) -> Result<IssueUploadUrlResponse, Status> {
    server.client("user-one").await.issue_upload(request).await
}

#[tokio::test]
async fn what_was_uploaded_can_be_downloaded() {
    let server = TestServer::start().await;
    let answer = issue(&server, jpeg("tier 2/new-cat.jpg")).await.unwrap();
    assert_eq!(answer.tier, "tier-2");
    let put = answer.put.unwrap();
    let mut names: Vec<_> = put.headers.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "if-none-match", "x-amz-checksum-sha256"]);

    let http = reqwest::Client::new();
    let uploaded = http_request(&http, &put).body(CONTENT).send().await.unwrap();
    assert_eq!(uploaded.status(), StatusCode::OK);
    let client = server.client("user-one").await;
    let get = client.download("media", "tier 2/new-cat.jpg").await.unwrap().get.unwrap();
    let downloaded = http_request(&http, &get).send().await.unwrap();
    assert_eq!(downloaded.headers()["content-type"], "image/jpeg");
    assert_eq!(downloaded.bytes().await.unwrap(), CONTENT);

    // The tier forbids overwriting: the same URL does not work for an object that is there by now.
    let again = http_request(&http, &put).body(CONTENT).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::PRECONDITION_FAILED);
    server.finish().await;
}

#[tokio::test]
async fn every_signed_header_is_needed_as_it_is() {
    let server = TestServer::start().await;
    let put = issue(&server, jpeg("tier 2/strict.jpg")).await.unwrap().put.unwrap();
    let http = reqwest::Client::new();
    for name in ["content-type", "if-none-match", "x-amz-checksum-sha256"] {
        let mut without = put.clone();
        without.headers.remove(name).unwrap();
        let refused = http_request(&http, &without).body(CONTENT).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "without {name}");

        let mut changed = put.clone();
        changed.headers.insert(name.to_owned(), "other".to_owned());
        let refused = http_request(&http, &changed).body(CONTENT).send().await.unwrap();
        assert!(refused.status().is_client_error(), "{name} changed: {}", refused.status());
    }
    let mut sized = put.clone();
    sized.headers.remove("content-length");
    let longer = http_request(&http, &sized).body([CONTENT, b"!"].concat()).send().await.unwrap();
    assert_eq!(longer.status(), StatusCode::FORBIDDEN, "another length");
    let other: Vec<u8> = CONTENT.iter().rev().copied().collect();
    let corrupted = http_request(&http, &put).body(other).send().await.unwrap();
    assert_eq!(corrupted.status(), StatusCode::BAD_REQUEST, "another content of the same length");
    assert_eq!(server.stored("tier 2/strict.jpg"), None);
    server.finish().await;
}

#[tokio::test]
async fn nobody_uploads_without_a_grant() {
    let server = TestServer::start().await;
    for key in ["tier 1/x.jpg", "tier 2/x.jpg", "notes.txt"] {
        let refused = server.client("user-two").await.issue_upload(jpeg(key)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{key}");
    }
    let refused = issue(&server, jpeg("tier 1/x.jpg")).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "tier 1 has no uploads for anybody");
    server.finish().await;
}

#[tokio::test]
async fn what_the_tier_demands_is_named_before_anything_is_signed() {
    let server = TestServer::start().await;
    let bare = IssueUploadUrlRequest { key: "tier 2/x.jpg".to_owned(), ..IssueUploadUrlRequest::default() };
    let refused = issue(&server, bare).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(field_violations(&refused), ["content_type", "content_length", "checksum"]);
    let info = error_info(&refused);
    assert_eq!(info.reason, "REQUEST_INVALID");
    assert!(info.metadata.contains_key("decisionId"));

    let too_much = IssueUploadUrlRequest {
        content_length: Some(50 * 1_024 * 1_024 + 1),
        content_type: Some("image/jpeg; x=,text/html".to_owned()),
        create_only: Some(false),
        ..jpeg("tier 2/x.jpg")
    };
    let refused = issue(&server, too_much).await.unwrap_err();
    assert_eq!(field_violations(&refused), ["content_type", "content_length", "create_only"]);
    server.finish().await;
}

#[tokio::test]
async fn a_long_life_is_shortened_or_refused_as_the_caller_wishes() {
    let server = TestServer::start().await;
    let day = Some(prost_types::Duration { seconds: 86_400, nanos: 0 });
    let answer = issue(&server, IssueUploadUrlRequest { ttl: day, ..jpeg("tier 2/a.jpg") }).await.unwrap();
    assert_eq!(answer.expiry_limited_by(), ExpiryLimit::TierMaxTtl);
    assert!(answer.put.unwrap().url.contains("X-Amz-Expires=900&"));

    let insisting = IssueUploadUrlRequest { ttl: day, require_full_ttl: true, ..jpeg("tier 2/a.jpg") };
    let refused = issue(&server, insisting).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let info = error_info(&refused);
    assert_eq!(info.reason, "FULL_TTL_NOT_AVAILABLE");
    assert_eq!(info.metadata["availableTtlSeconds"], "900");
    server.finish().await;
}

#[tokio::test]
async fn metadata_and_the_other_headers_arrive() {
    let server = TestServer::start_with_policy(
        r#"
        tier = [{ name = "all", bucket = "media", prefix = "", download = {}, upload = { overwrite = true } }]
        grant = [{ tiers = ["all"], operations = ["download", "upload"], to = { authenticated = true } }]
        "#,
    )
    .await;
    let request = IssueUploadUrlRequest {
        key: "ünï cødé/a+b=c&d%20e~'\"🐈.txt".to_owned(),
        content_disposition: Some("attachment; filename=\"a b.txt\"".to_owned()),
        cache_control: Some("no-store".to_owned()),
        metadata: [("purpose".to_owned(), "round trip, with spaces".to_owned())].into(),
        ..IssueUploadUrlRequest::default()
    };
    let answer = issue(&server, request.clone()).await.unwrap();
    let put = answer.put.unwrap();
    assert!(!put.headers.contains_key("if-none-match"), "the tier allows overwriting");
    let http = reqwest::Client::new();
    for _ in 0..2 {
        let uploaded = http_request(&http, &put).body("x").send().await.unwrap();
        assert_eq!(uploaded.status(), StatusCode::OK, "{}", uploaded.text().await.unwrap());
    }
    let get = server.client("user-two").await.download("", &request.key).await.unwrap().get.unwrap();
    let answer = http_request(&http, &get).send().await.unwrap();
    for (name, value) in [
        ("content-disposition", "attachment; filename=\"a b.txt\""),
        ("cache-control", "no-store"),
        ("x-amz-meta-purpose", "round trip, with spaces"),
    ] {
        assert_eq!(answer.headers()[name], value);
    }
    server.finish().await;
}
