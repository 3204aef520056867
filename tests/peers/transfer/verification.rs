//! Whether an upload is what was promised.

use access_broker::contract::proto::{IssueUploadUrlRequest, VerifyUploadRequest, VerifyUploadResponse};
use access_broker_policy::ChecksumAlgorithm;
use tonic::Code;

use super::checksums::{checksum, sha256};
use super::clients::{HttpClient, HttpRequest};
use super::fixture::{Fixture, Settings, upload};
use super::servers::{Peer, S3Server};
use crate::registry::{Registry, register, register_on};
use crate::support::secrets::access_line;
use crate::support::{error_info, field_violations};

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(registry, [Rclone], an_upload_as_promised_is_as_expected);
    register!(
        registry,
        [],
        every_difference_is_named,
        a_checksum_that_was_not_uploaded_is_unknown,
        every_checksum_can_be_compared,
        a_decision_is_compared_only_where_it_is_recorded,
        only_those_who_may_upload_may_look
    );
    register_on!(
        registry,
        [Peer::Embedded, Peer::Rclone],
        [],
        nothing_is_found_where_nothing_was_uploaded,
        an_object_tells_the_decision_that_it_was_uploaded_by
    );
}

const CONTENT: &[u8] = b"as promised";

fn promise(key: &str) -> IssueUploadUrlRequest {
    IssueUploadUrlRequest {
        content_type: Some("image/jpeg".to_owned()),
        content_length: Some(CONTENT.len() as u64),
        checksum: Some(sha256(CONTENT)),
        ..upload(key)
    }
}

/// Expects nothing but the object.
fn verify(key: &str) -> VerifyUploadRequest {
    VerifyUploadRequest { key: key.to_owned(), ..VerifyUploadRequest::default() }
}

fn expecting_all(key: &str, etag: Option<&str>) -> VerifyUploadRequest {
    VerifyUploadRequest {
        content_length: Some(CONTENT.len() as u64),
        content_type: Some("image/jpeg".to_owned()),
        checksum: Some(sha256(CONTENT)),
        etag: etag.map(str::to_owned),
        ..verify(key)
    }
}

async fn verified(fixture: &Fixture, request: VerifyUploadRequest) -> VerifyUploadResponse {
    let answer = fixture.caller.verify_upload(request).await.unwrap();
    let line = access_line(&answer.decision_id).await;
    assert_eq!((&line["method"], &line["as_expected"]), (&"VerifyUpload".into(), &answer.as_expected.into()), "{line}");
    answer
}

/// A server that is known to check checksums.
async fn checking() -> Fixture {
    let bucket = "unsigned_headers = \"refused\"\n\
                  checksums = [\"crc32\", \"crc32c\", \"crc64nvme\", \"md5\", \"sha1\", \"sha256\"]";
    Fixture::with(S3Server::embedded(|_| {}).await, Settings { bucket, ..Settings::default() }).await
}

async fn an_upload_as_promised_is_as_expected() {
    let md5 = || Some(checksum(ChecksumAlgorithm::Md5, CONTENT));
    for peer in [Peer::Embedded, Peer::Rclone] {
        let fixture = Fixture::on(peer).await;
        let uploaded = fixture.upload(IssueUploadUrlRequest { checksum: md5(), ..promise("a") }, CONTENT).await;
        let stated = VerifyUploadRequest { checksum: md5(), ..expecting_all("a", uploaded.header("etag")) };
        for request in [verify("a"), stated] {
            let answer = verified(&fixture, request).await;
            let lists = (answer.mismatches.is_empty(), answer.unknown.is_empty());
            assert_eq!((answer.as_expected, lists), (true, (true, true)), "{peer:?} {answer:?}");
            assert_eq!(answer.tier, "all");
            assert_eq!(answer.object.unwrap().size, CONTENT.len() as u64);
        }
        fixture.finish().await;
    }
}

async fn every_difference_is_named() {
    let fixture = checking().await;
    let uploaded = fixture.upload(promise("a"), CONTENT).await;
    let all = expecting_all("a", uploaded.header("etag"));
    let length = VerifyUploadRequest { content_length: Some(1), ..all.clone() };
    let content_type = VerifyUploadRequest { content_type: Some("image/png".to_owned()), ..all.clone() };
    let content = VerifyUploadRequest { checksum: Some(sha256(b"other")), ..all.clone() };
    let etag = VerifyUploadRequest { etag: Some("\"other\"".to_owned()), ..all.clone() };
    let everything = VerifyUploadRequest {
        content_length: Some(1),
        content_type: Some("image/png".to_owned()),
        checksum: Some(sha256(b"other")),
        etag: Some("\"other\"".to_owned()),
        ..verify("a")
    };
    // What has another tag is another object: its checksum says nothing of the one that was uploaded.
    for (request, differing, unknown) in [
        (all, &[][..], &[][..]),
        (length, &["content_length"], &[]),
        (content_type, &["content_type"], &[]),
        (content, &["checksum"], &[]),
        (etag, &["etag"], &["checksum"]),
        (everything, &["content_length", "content_type", "checksum", "etag"], &[]),
    ] {
        let answer = verified(&fixture, request).await;
        assert_eq!((answer.mismatches.as_slice(), answer.as_expected), (&strings(differing)[..], differing.is_empty()));
        assert_eq!(answer.unknown, strings(unknown));
    }
    fixture.finish().await;
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn a_checksum_that_was_not_uploaded_is_unknown() {
    let fixture = checking().await;
    fixture.upload(promise("a"), CONTENT).await;
    for algorithm in [ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Sha1] {
        let request = VerifyUploadRequest { checksum: Some(checksum(algorithm, CONTENT)), ..verify("a") };
        let answer = verified(&fixture, request).await;
        assert_eq!(
            (answer.unknown.as_slice(), answer.as_expected),
            (&strings(&["checksum"])[..], false),
            "{algorithm}"
        );
        assert!(answer.mismatches.is_empty(), "{algorithm}");
    }
    fixture.finish().await;
}

async fn every_checksum_can_be_compared() {
    let fixture = checking().await;
    for algorithm in ChecksumAlgorithm::ALL {
        let promise =
            IssueUploadUrlRequest { checksum: Some(checksum(algorithm, CONTENT)), ..upload(algorithm.name()) };
        fixture.upload(promise, CONTENT).await;
        let right = VerifyUploadRequest { checksum: Some(checksum(algorithm, CONTENT)), ..verify(algorithm.name()) };
        assert!(verified(&fixture, right).await.as_expected, "{algorithm}");
        let wrong = VerifyUploadRequest { checksum: Some(checksum(algorithm, b"x")), ..verify(algorithm.name()) };
        assert!(!verified(&fixture, wrong).await.as_expected, "{algorithm}");
    }
    fixture.finish().await;
}

async fn nothing_is_found_where_nothing_was_uploaded(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    let refused = fixture.caller.verify_upload(verify("missing")).await.unwrap_err();
    assert_eq!((refused.code(), error_info(&refused).reason.as_str()), (Code::NotFound, "OBJECT_NOT_FOUND"));
    fixture.finish().await;
}

async fn an_object_tells_the_decision_that_it_was_uploaded_by(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    let issued = fixture.caller.issue_upload(upload("recorded/a")).await.unwrap();
    let put = HttpRequest::promised(&issued.put.unwrap()).with_body(b"x");
    HttpClient::reqwest().send(&put).await.expect_success("the upload");
    let other = fixture.caller.issue_upload(upload("recorded/a")).await.unwrap();
    for (decision_id, mismatches) in [(issued.decision_id, &[][..]), (other.decision_id, &["decision_id"])] {
        let request = VerifyUploadRequest { decision_id: Some(decision_id), ..verify("recorded/a") };
        assert_eq!(verified(&fixture, request).await.mismatches, strings(mismatches), "{peer:?}");
    }
    fixture.finish().await;
}

async fn a_decision_is_compared_only_where_it_is_recorded() {
    let fixture = Fixture::embedded().await;
    fixture.upload(upload("a"), b"x").await;
    let id = fixture.caller.issue_upload(upload("a")).await.unwrap().decision_id;
    let refused = fixture.caller.verify_upload(VerifyUploadRequest { decision_id: Some(id), ..verify("a") }).await;
    let refused = refused.unwrap_err();
    assert_eq!((refused.code(), field_violations(&refused)), (Code::InvalidArgument, strings(&["decision_id"])));
    fixture.finish().await;
}

async fn only_those_who_may_upload_may_look() {
    let fixture = Fixture::embedded().await;
    fixture.upload(upload("a"), b"x").await;
    for key in ["a", "missing", "recorded/a"] {
        let refused = fixture.reader().await.verify_upload(verify(key)).await.unwrap_err();
        assert_eq!(
            (refused.code(), error_info(&refused).reason.as_str()),
            (Code::PermissionDenied, "OPERATION_NOT_GRANTED")
        );
    }
    fixture.finish().await;
}
