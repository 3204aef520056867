//! Downloads of what was looked at first, and of one version of it.

use access_broker::contract::proto::{IssueDownloadUrlRequest, IssueUploadUrlRequest, VerifyUploadRequest};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use tonic::Code;

use super::checksums::sha256;
use super::clients::{HttpClient, HttpRequest};
use super::fixture::{Fixture, download, upload};
use super::servers::{BUCKET, Peer};
use crate::registry::{Registry, register, register_on};
use crate::support::error_info;

pub(super) fn register(registry: &mut Registry<'_>) {
    register_on!(
        registry,
        [Peer::Embedded, Peer::Rclone],
        [],
        an_object_that_must_exist_is_described,
        for_what_does_not_exist_there_is_no_url,
        without_versions_there_is_none_to_pin
    );
    register!(
        registry,
        [Moto],
        a_pinned_url_never_reads_a_later_version,
        an_upload_is_verified_by_its_version_though_another_followed,
        a_deleted_object_does_not_exist_though_its_versions_do
    );
    register_on!(
        registry,
        [Peer::Embedded, Peer::Rclone, Peer::Moto],
        [],
        what_is_no_version_is_not_found_and_not_a_fault
    );
}

fn must_exist(key: &str) -> IssueDownloadUrlRequest {
    IssueDownloadUrlRequest { must_exist: true, ..download(key) }
}

fn pinned(key: &str) -> IssueDownloadUrlRequest {
    IssueDownloadUrlRequest { pin_version: true, ..download(key) }
}

async fn with_versions() -> Fixture {
    let fixture = Fixture::on(Peer::Moto).await;
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    fixture.s3.sdk().put_bucket_versioning().bucket(BUCKET).versioning_configuration(enabled).send().await.unwrap();
    fixture
}

async fn an_object_that_must_exist_is_described(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    let key = "there/a b+c.jpg";
    let promise = IssueUploadUrlRequest {
        content_type: Some("image/jpeg".to_owned()),
        checksum: Some(sha256(b"seven b")),
        ..upload(key)
    };
    let uploaded = fixture.upload(promise, b"seven b").await;
    let issued = fixture.caller.issue_download(must_exist(key)).await.unwrap();
    let object = issued.object.unwrap();
    assert_eq!((object.size, object.content_type.as_deref()), (7, Some("image/jpeg")), "{peer:?}");
    assert_eq!(Some(object.etag.as_str()), uploaded.header("etag"), "{peer:?}");
    assert_eq!(object.version_id, None, "{peer:?}");
    let age =
        prost_types::Timestamp::from(std::time::SystemTime::now()).seconds - object.last_modified.unwrap().seconds;
    assert!((0..60).contains(&age), "{peer:?}: {age} seconds");
    assert_eq!(object.checksums, [sha256(b"seven b")], "{peer:?}");
    HttpClient::reqwest().send(&HttpRequest::promised(&issued.get.unwrap())).await.expect_success("the URL");
    fixture.finish().await;
}

async fn for_what_does_not_exist_there_is_no_url(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    let refused = fixture.caller.issue_download(must_exist("missing")).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{peer:?}");
    assert_eq!(error_info(&refused).reason, "OBJECT_NOT_FOUND", "{peer:?}");
    fixture.finish().await;
}

async fn without_versions_there_is_none_to_pin(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    fixture.upload(upload("a"), b"x").await;
    let refused = fixture.caller.issue_download(pinned("a")).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{peer:?}");
    assert_eq!(error_info(&refused).reason, "VERSION_NOT_AVAILABLE", "{peer:?}");
    // A missing object is missing first.
    let refused = fixture.caller.issue_download(pinned("missing")).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{peer:?}");
    fixture.finish().await;
}

async fn a_pinned_url_never_reads_a_later_version() {
    let fixture = with_versions().await;
    let first = fixture.upload(upload("a"), b"first").await.header("x-amz-version-id").unwrap().to_owned();
    let issued = fixture.caller.issue_download(pinned("a")).await.unwrap();
    assert_eq!(issued.object.unwrap().version_id, Some(first.clone()));
    fixture.upload(upload("a"), b"second").await;

    let (get, head) = (HttpRequest::promised(&issued.get.unwrap()), HttpRequest::promised(&issued.head.unwrap()));
    let mut client = HttpClient::reqwest();
    let got = client.send(&get).await.expect_success("the GET URL");
    assert_eq!((got.body.as_slice(), got.header("x-amz-version-id")), (&b"first"[..], Some(first.as_str())));
    let head = client.send(&head).await.expect_success("the HEAD URL");
    assert_eq!(head.header("x-amz-version-id"), Some(first.as_str()));
    assert_eq!(fixture.stored("a").await.unwrap().body, b"second", "the URL without a version reads the latest");

    let by_id = IssueDownloadUrlRequest { version_id: Some(first), ..must_exist("a") };
    let issued = fixture.caller.issue_download(by_id).await.unwrap();
    assert_eq!(issued.object.unwrap().size, 5);
    let got = client.send(&HttpRequest::promised(&issued.get.unwrap())).await;
    assert_eq!(got.body, b"first");
    fixture.finish().await;
}

async fn what_is_no_version_is_not_found_and_not_a_fault(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    fixture.upload(upload("a"), b"x").await;
    for version_id in ["no-such-version", "%00", "a b"] {
        let request = IssueDownloadUrlRequest { version_id: Some(version_id.to_owned()), ..must_exist("a") };
        let refused = fixture.caller.issue_download(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{peer:?} {version_id}");
    }
    fixture.finish().await;
}

async fn an_upload_is_verified_by_its_version_though_another_followed() {
    let fixture = with_versions().await;
    let first = fixture.upload(upload("a"), b"first").await;
    fixture.upload(upload("a"), b"second").await;
    let current = VerifyUploadRequest {
        key: "a".to_owned(),
        etag: first.header("etag").map(str::to_owned),
        ..VerifyUploadRequest::default()
    };
    let version_id = first.header("x-amz-version-id").map(str::to_owned);
    let first = VerifyUploadRequest { version_id: version_id.clone(), ..current.clone() };
    let answer = fixture.caller.verify_upload(first).await.unwrap();
    assert_eq!((answer.as_expected, answer.object.unwrap().version_id), (true, version_id));
    assert_eq!(fixture.caller.verify_upload(current).await.unwrap().mismatches, ["etag"]);
    let unknown =
        VerifyUploadRequest { key: "a".to_owned(), version_id: Some("other".to_owned()), ..Default::default() };
    assert_eq!(fixture.caller.verify_upload(unknown).await.unwrap_err().code(), Code::NotFound);
    fixture.finish().await;
}

async fn a_deleted_object_does_not_exist_though_its_versions_do() {
    let fixture = with_versions().await;
    let version = fixture.upload(upload("a"), b"x").await.header("x-amz-version-id").unwrap().to_owned();
    let deleted = fixture.s3.sdk().delete_object().bucket(BUCKET).key("a").send().await.unwrap();
    let mark = IssueDownloadUrlRequest { version_id: deleted.version_id().map(str::to_owned), ..must_exist("a") };
    for request in [must_exist("a"), pinned("a"), mark] {
        let refused = fixture.caller.issue_download(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
    }
    let by_id = IssueDownloadUrlRequest { version_id: Some(version), ..pinned("a") };
    fixture.caller.issue_download(by_id).await.unwrap();
    fixture.finish().await;
}
