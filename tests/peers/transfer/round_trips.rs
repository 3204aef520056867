//! What was promised is stored, and comes back as it was.

use access_broker::contract::proto::IssueUploadUrlRequest;

use super::checksums::sha256;
use super::clients::{HttpClient, HttpRequest};
use super::fixture::{Fixture, download, upload};
use super::servers::Peer;
use crate::registry::{Registry, register, register_on};

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(
        registry,
        [Curl, Requests, Node],
        every_client_keeps_the_promise_on_the_embedded_server,
        an_encoded_content_is_stored_as_it_is_and_decoded_by_those_that_do,
        a_content_of_several_megabytes_arrives_whole
    );
    register!(registry, [Curl, Requests, Node, Rclone], every_client_keeps_the_promise_on_rclone);
    register!(registry, [Curl, Requests, Node, Moto], every_client_keeps_the_promise_on_moto);
    register!(registry, [Curl, Requests, Node, SeaweedFs], every_client_keeps_the_promise_on_seaweedfs);
    register!(registry, [Curl, Requests, Node, Rgw], every_client_keeps_the_promise_on_ceph);
    register_on!(registry, Peer::VERIFIERS, [Curl, Requests, Node], an_empty_object_is_one);
}

const CONTENT: &[u8] = b"\0not quite a picture\r\n\xFF\xFE";

/// The text `hello` and its gzip form (RFC 1952).
const PLAIN: &[u8] = b"hello";
const GZIPPED: &[u8] = &[
    0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0x02, 0x03, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0, 0x86, 0xA6, 0x10, 0x36, 0x05,
    0, 0, 0,
];

/// An upload with everything that S3 stores beside the content, or checks.
fn full(key: &str) -> IssueUploadUrlRequest {
    IssueUploadUrlRequest {
        content_type: Some("image/jpeg".to_owned()),
        content_length: Some(CONTENT.len() as u64),
        checksum: Some(sha256(CONTENT)),
        create_only: Some(true),
        metadata: [("purpose", "round trip, with spaces"), ("a.b_c-1", "x=1&y=\"2\";%20")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        content_disposition: Some("attachment; filename=\"a b.jpg\"".to_owned()),
        cache_control: Some("private, max-age=60".to_owned()),
        ..upload(key)
    }
}

/// What a full upload stores.
const fn stored_headers(peer: Peer) -> [(&'static str, &'static str); 5] {
    let name = if peer.keeps_underscores() { "x-amz-meta-a.b_c-1" } else { "x-amz-meta-a.b-c-1" };
    [
        ("content-type", "image/jpeg"),
        ("content-disposition", "attachment; filename=\"a b.jpg\""),
        ("cache-control", "private, max-age=60"),
        ("x-amz-meta-purpose", "round trip, with spaces"),
        (name, "x=1&y=\"2\";%20"),
    ]
}

async fn every_client_keeps_the_promise(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    for mut client in HttpClient::all().await {
        let what = format!("{} on {peer:?}", client.name());
        let key = format!("round trips/{}.jpg", client.name());
        let put = HttpRequest::promised(&fixture.put(full(&key)).await).with_body(CONTENT);
        client.send(&put).await.expect_success(&what);

        let issued = fixture.caller.issue_download(download(&key)).await.unwrap();
        let got = client.send(&HttpRequest::promised(&issued.get.unwrap())).await.expect_success(&what);
        assert_eq!(got.body, CONTENT, "{what}");
        let head = client.send(&HttpRequest::promised(&issued.head.unwrap())).await.expect_success(&what);
        assert_eq!(head.body, b"", "{what}");
        assert_eq!(head.header("content-length"), Some(CONTENT.len().to_string().as_str()), "{what}");
        for answer in [&got, &head] {
            for (name, value) in stored_headers(peer) {
                assert_eq!(answer.header(name), Some(value), "{what}: {name}");
            }
        }

        // A part of it: ranges are not signed.
        let ranged = HttpRequest::promised(&fixture.get(download(&key)).await).with_header("range", "bytes=1-3");
        assert_eq!(client.send(&ranged).await.expect_success(&what).body, CONTENT[1..=3], "{what}");
    }
    fixture.finish().await;
}

async fn every_client_keeps_the_promise_on_the_embedded_server() {
    every_client_keeps_the_promise(Peer::Embedded).await;
}

async fn every_client_keeps_the_promise_on_rclone() {
    every_client_keeps_the_promise(Peer::Rclone).await;
}

async fn every_client_keeps_the_promise_on_moto() {
    every_client_keeps_the_promise(Peer::Moto).await;
}

async fn every_client_keeps_the_promise_on_seaweedfs() {
    every_client_keeps_the_promise(Peer::SeaweedFs).await;
}

async fn every_client_keeps_the_promise_on_ceph() {
    every_client_keeps_the_promise(Peer::Rgw).await;
}

async fn an_empty_object_is_one(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    for mut client in HttpClient::all().await {
        let what = format!("{} on {peer:?}", client.name());
        let promise = IssueUploadUrlRequest { content_length: Some(0), ..upload(client.name()) };
        let put = HttpRequest::promised(&fixture.put(promise).await).with_body(b"");
        client.send(&put).await.expect_success(&what);
        assert_eq!(fixture.stored(client.name()).await.unwrap().body, b"", "{what}");
    }
    fixture.finish().await;
}

async fn an_encoded_content_is_stored_as_it_is_and_decoded_by_those_that_do() {
    let fixture = Fixture::embedded().await;
    let promise = IssueUploadUrlRequest { content_encoding: Some("gzip".to_owned()), ..upload("a.txt.gz") };
    fixture.upload(promise, GZIPPED).await;
    for mut client in HttpClient::all().await {
        let get = HttpRequest::promised(&fixture.get(download("a.txt.gz")).await);
        let got = client.send(&get).await.expect_success(client.name());
        assert_eq!(got.header("content-encoding"), Some("gzip"), "{}", client.name());
        assert_eq!(got.body, if client.decodes() { PLAIN } else { GZIPPED }, "{}", client.name());
    }
    fixture.finish().await;
}

async fn a_content_of_several_megabytes_arrives_whole() {
    let fixture = Fixture::embedded().await;
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1]).collect();
    for mut client in HttpClient::all().await {
        let promise = IssueUploadUrlRequest {
            content_length: Some(content.len() as u64),
            checksum: Some(sha256(&content)),
            ..upload(client.name())
        };
        let put = HttpRequest::promised(&fixture.put(promise).await).with_body(&content);
        client.send(&put).await.expect_success(client.name());
        let get = HttpRequest::promised(&fixture.get(download(client.name())).await);
        assert!(client.send(&get).await.body == content, "{}", client.name());
    }
    fixture.finish().await;
}
