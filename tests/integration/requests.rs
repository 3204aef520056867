//! Malformed requests: refused with every bad field at once, before anything is decided.

use access_broker::contract::proto::checksum::Value;
use access_broker::contract::proto::{
    Checksum, Disposition, IssueDownloadUrlRequest, IssueUploadUrlRequest, ResponseOverrides, disposition,
};
use prost_types::Duration;
use tonic::Code;

use crate::support::{CUTE_CAT, TestServer, error_info, field_violations, http_request};

#[tokio::test]
async fn every_rule_of_a_key_holds() {
    let server = TestServer::start().await;
    let client = server.client("user-one").await;
    let too_long = format!("tier 1/{}.jpg", "x".repeat(1_014));
    assert_eq!(too_long.len(), 1_025);
    for key in [
        "tier 1/../tier 2/x.jpg",
        "tier 1/./x.jpg",
        "//x",
        "/x",
        "tier 1/",
        "tier 1/a\0.jpg",
        "a\nb",
        &too_long,
        "",
        " ",
        "\u{A0}\u{3000}",
    ] {
        let refused = client.download("media", key).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{key:?}");
        assert_eq!(field_violations(&refused), ["key"], "{key:?}");
        assert_eq!(error_info(&refused).reason, "REQUEST_INVALID");
        assert!(key.trim().is_empty() || !refused.message().contains(key), "the key is not repeated");
    }
    // One byte less is a key like any other.
    assert!(client.download("media", &too_long.replacen('x', "", 1)).await.is_ok());
    server.finish().await;
}

#[tokio::test]
async fn every_bad_field_of_a_download_is_listed() {
    let server = TestServer::start().await;
    let request = IssueDownloadUrlRequest {
        bucket: "s3://media".to_owned(),
        key: "/".to_owned(),
        ttl: Some(Duration { seconds: 0, nanos: 0 }),
        version_id: Some("a\r\nb".to_owned()),
        response_overrides: Some(ResponseOverrides {
            content_disposition: Some("attachment; filename=\"ü\"".to_owned()),
            expires: Some(String::new()),
            ..ResponseOverrides::default()
        }),
        ..IssueDownloadUrlRequest::default()
    };
    let refused = server.client("user-one").await.issue_download(request).await.unwrap_err();
    assert_eq!(
        field_violations(&refused),
        ["bucket", "key", "ttl", "version_id", "response_overrides.content_disposition", "response_overrides.expires"]
    );
    server.finish().await;
}

/// Each field is fine by itself, and all of them together are more than S3 takes.
#[tokio::test]
async fn the_fields_that_make_a_signed_request_too_large_are_listed() {
    let server = TestServer::start().await;
    let request = IssueDownloadUrlRequest {
        bucket: "media".to_owned(),
        key: format!("tier 1/{}.jpg", "é".repeat(500)),
        response_overrides: Some(ResponseOverrides {
            cache_control: Some("\"".repeat(700)),
            content_language: Some("\"".repeat(1_024)),
            content_encoding: Some("gzip".to_owned()),
            ..ResponseOverrides::default()
        }),
        ..IssueDownloadUrlRequest::default()
    };
    let refused = server.client("user-one").await.issue_download(request).await.unwrap_err();
    assert_eq!((refused.code(), &*error_info(&refused).reason), (Code::InvalidArgument, "REQUEST_INVALID"));
    assert_eq!(field_violations(&refused), ["response_overrides.content_language"]);
    server.finish().await;
}

#[tokio::test]
async fn every_bad_field_of_an_upload_is_listed() {
    let server = TestServer::start().await;
    let request = IssueUploadUrlRequest {
        bucket: "Media".to_owned(),
        key: "tier 2/..".to_owned(),
        ttl: Some(Duration { seconds: -1, nanos: 0 }),
        content_type: Some(" image/jpeg".to_owned()),
        checksum: Some(Checksum { value: Some(Value::Sha256(vec![1; 31])) }),
        metadata: [("Upper".to_owned(), "x".to_owned())].into(),
        cache_control: Some("é".to_owned()),
        ..IssueUploadUrlRequest::default()
    };
    let refused = server.client("user-one").await.issue_upload(request).await.unwrap_err();
    let mut fields = field_violations(&refused);
    fields.sort();
    assert_eq!(fields, ["bucket", "cache_control", "checksum", "content_type", "key", "metadata", "ttl"]);
    server.finish().await;
}

#[tokio::test]
async fn what_s3_would_refuse_or_read_differently_is_refused_before_it_is_signed() {
    let server = TestServer::start().await;
    let client = server.client("user-one").await;
    let of_type = |r#type: disposition::Type, filename: &str| Disposition {
        r#type: r#type.into(),
        filename: Some(filename.to_owned()),
    };
    let upload = IssueUploadUrlRequest {
        key: "tier 2/x.jpg".to_owned(),
        content_encoding: Some("gzip, AWS-chunked".to_owned()),
        metadata: [("access-broker-decision".to_owned(), "forged".to_owned())].into(),
        endpoint: Some("https://elsewhere".to_owned()),
        if_match: Some("*".to_owned()),
        tags: [("aws:x".to_owned(), "y".to_owned())].into(),
        storage_class: Some("GLACIAL".to_owned()),
        disposition: Some(of_type(disposition::Type::Inline, "a/../b")),
        ..IssueUploadUrlRequest::default()
    };
    let mut fields = field_violations(&client.issue_upload(upload).await.unwrap_err());
    fields.sort();
    let expected = ["content_encoding", "disposition", "endpoint", "if_match", "metadata", "storage_class", "tags"];
    assert_eq!(fields, expected);

    for overrides in [
        ResponseOverrides {
            disposition: Some(of_type(disposition::Type::Unspecified, "a")),
            ..ResponseOverrides::default()
        },
        ResponseOverrides {
            disposition: Some(of_type(disposition::Type::Attachment, "ann\u{202E}txt.exe")),
            ..ResponseOverrides::default()
        },
        ResponseOverrides {
            disposition: Some(of_type(disposition::Type::Attachment, "a")),
            content_disposition: Some("inline".to_owned()),
            ..ResponseOverrides::default()
        },
    ] {
        let download = IssueDownloadUrlRequest {
            key: CUTE_CAT.to_owned(),
            response_overrides: Some(overrides),
            ..IssueDownloadUrlRequest::default()
        };
        let refused = client.issue_download(download).await.unwrap_err();
        assert_eq!(field_violations(&refused), ["response_overrides.disposition"]);
    }
    server.finish().await;
}

#[tokio::test]
async fn a_checksum_without_a_value_and_too_much_metadata_are_refused() {
    let server = TestServer::start().await;
    let request = IssueUploadUrlRequest {
        key: "tier 2/x.jpg".to_owned(),
        checksum: Some(Checksum { value: None }),
        metadata: (0..3).map(|n| (format!("name-{n}"), "x".repeat(700))).collect(),
        ..IssueUploadUrlRequest::default()
    };
    let refused = server.client("user-one").await.issue_upload(request).await.unwrap_err();
    assert_eq!(field_violations(&refused), ["checksum", "metadata"]);
    server.finish().await;
}

#[tokio::test]
async fn fractions_of_a_second_and_more_than_a_week_are_no_ttl() {
    let server = TestServer::start().await;
    let client = server.client("user-one").await;
    for ttl in [
        Duration { seconds: 1, nanos: 1 },
        Duration { seconds: 604_801, nanos: 0 },
        Duration { seconds: i64::MAX, nanos: 0 },
    ] {
        let request = IssueDownloadUrlRequest { key: CUTE_CAT.into(), ttl: Some(ttl), ..Default::default() };
        assert_eq!(field_violations(&client.issue_download(request).await.unwrap_err()), ["ttl"], "{ttl:?}");
    }
    server.finish().await;
}

#[tokio::test]
async fn response_overrides_change_the_answer_of_s3() {
    let server = TestServer::start().await;
    let disposition = "attachment; filename=\"a cat.jpg\"";
    let request = IssueDownloadUrlRequest {
        key: CUTE_CAT.to_owned(),
        response_overrides: Some(ResponseOverrides {
            content_disposition: Some(disposition.to_owned()),
            content_type: Some("application/octet-stream".to_owned()),
            ..ResponseOverrides::default()
        }),
        ..IssueDownloadUrlRequest::default()
    };
    let answer = server.client("user-one").await.issue_download(request).await.unwrap();
    let got = http_request(&reqwest::Client::new(), &answer.get.unwrap()).send().await.unwrap();
    assert_eq!(got.status(), 200);
    assert_eq!(got.headers()["content-disposition"], disposition);
    assert_eq!(got.headers()["content-type"], "application/octet-stream");
    server.finish().await;
}

#[tokio::test]
async fn a_version_that_does_not_exist_is_not_replaced_by_the_current_one() {
    let server = TestServer::start().await;
    let request = IssueDownloadUrlRequest {
        key: CUTE_CAT.to_owned(),
        version_id: Some("no-such-version".to_owned()),
        ..IssueDownloadUrlRequest::default()
    };
    let answer = server.client("user-one").await.issue_download(request).await.unwrap();
    let got = http_request(&reqwest::Client::new(), &answer.get.unwrap()).send().await.unwrap();
    assert_eq!(got.status(), 404);
    server.finish().await;
}

#[tokio::test]
async fn a_message_larger_than_any_request_is_refused() {
    let server = TestServer::start().await;
    let refused = server.client("user-one").await.download("media", &"x".repeat(100_000)).await.unwrap_err();
    assert_eq!((refused.code(), error_info(&refused).reason.as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
    server.finish().await;
}
