//! What the signature binds cannot be left out, changed or added to.

use access_broker::contract::proto::{IssueUploadUrlRequest, SignedRequest};

use super::checksums::sha256;
use super::clients::{HttpClient, HttpRequest};
use super::fixture::{Fixture, download, upload};
use super::servers::Peer;
use crate::registry::{Registry, register_on};

pub(super) fn register(registry: &mut Registry<'_>) {
    register_on!(
        registry,
        Peer::VERIFIERS,
        [],
        an_upload_is_exactly_what_was_promised_or_nothing,
        a_download_is_of_the_one_object_by_the_one_method
    );
    register_on!(registry, Peer::VERIFIERS, [Curl, Requests, Node], a_promised_length_is_kept_by_every_client);
}

const CONTENT: &[u8] = b"promised";
const KEY: &str = "bound/a b.jpg";

/// Everything that an upload can bind on every server.
fn promise() -> IssueUploadUrlRequest {
    IssueUploadUrlRequest {
        content_type: Some("image/jpeg".to_owned()),
        content_length: Some(CONTENT.len() as u64),
        checksum: Some(sha256(CONTENT)),
        create_only: Some(true),
        metadata: [("owner".to_owned(), "somebody".to_owned())].into(),
        content_disposition: Some("attachment".to_owned()),
        content_encoding: Some("zstd".to_owned()),
        cache_control: Some("no-store".to_owned()),
        ..upload(KEY)
    }
}

/// Another value that the header could have.
fn other_value(name: &str) -> &'static str {
    match name {
        "content-type" => "text/html",
        "content-disposition" => "inline",
        "content-encoding" => "identity",
        "cache-control" => "public",
        "if-none-match" => "\"etag\"",
        "x-amz-checksum-sha256" => "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        _ => "other",
    }
}

/// Headers beside the promised ones, on which S3 acts.
fn additions(put: &SignedRequest) -> impl Iterator<Item = (String, HttpRequest)> {
    let promised = HttpRequest::promised(put).with_body(CONTENT);
    [
        ("x-amz-acl", "public-read"),
        ("x-amz-meta-evil", "1"),
        ("x-amz-copy-source", "/media/secret"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-storage-class", "GLACIER"),
    ]
    .into_iter()
    .map(move |(name, value)| (format!("with {name}"), promised.clone().with_header(name, value)))
}

/// Every way to send less or something else than was promised, by what was done.
fn deviations(put: &SignedRequest, bucket: &str) -> Vec<(String, HttpRequest)> {
    let promised = HttpRequest::promised(put).with_body(CONTENT);
    let mut deviations = Vec::new();
    // The length is the body's, see below.
    for name in put.headers.keys().filter(|name| *name != "content-length") {
        deviations.push((format!("without {name}"), promised.clone().without_header(name)));
        deviations.push((format!("another {name}"), promised.clone().with_header(name, other_value(name))));
    }
    for method in ["GET", "HEAD", "POST", "DELETE"] {
        deviations.push((format!("as {method}"), promised.clone().with_method(method)));
    }
    deviations.extend(url_deviations(&promised, bucket));
    deviations
}

fn url_deviations(promised: &HttpRequest, bucket: &str) -> Vec<(String, HttpRequest)> {
    let bucket = format!("/{bucket}/");
    let mut deviations: Vec<_> = [
        ("/a%20b.jpg?", "/other.jpg?"),
        ("/bound/", "/free/"),
        (bucket.as_str(), "/other/"),
        ("X-Amz-Expires=900", "X-Amz-Expires=901"),
        ("x-access-broker-decision=", "x-access-broker-decision=0"),
        ("&x-access-broker-caller=", "&x-access-broker-caller2="),
        ("127.0.0.1", "localhost"),
    ]
    .map(|(part, other)| (format!("{other} for {part}"), promised.clone().with_url_part(part, other)))
    .into();
    for parameter in [
        "x=y",
        "acl",
        "tagging",
        "uploads",
        "versionId=1",
        "partNumber=1&uploadId=2",
        "response-content-type=text%2Fhtml",
    ] {
        let added = promised.clone().with_url_part("?", &format!("?{parameter}&"));
        deviations.push((format!("with {parameter}"), added));
    }
    deviations
}

async fn an_upload_is_exactly_what_was_promised_or_nothing(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    let mut client = HttpClient::reqwest();
    let put = fixture.put(promise()).await;
    let mut bound: Vec<_> = put.headers.keys().map(String::as_str).collect();
    bound.sort_unstable();
    let expected = [
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-length",
        "content-type",
        "if-none-match",
        "x-amz-checksum-sha256",
        "x-amz-meta-owner",
    ];
    assert_eq!(bound, expected);
    let mut deviations = deviations(&put, &fixture.s3.bucket);
    // What the others do is in docs/SERVERS.md.
    deviations.extend(additions(&put).filter(|_| peer.refuses_unsigned_headers()));
    for (deviation, request) in deviations {
        let what = format!("{deviation} on {peer:?}");
        client.send(&request).await.expect_refusal(&what);
        assert!(fixture.stored(KEY).await.is_none(), "{what}: stored all the same");
    }
    // What was refused was refused for the deviation alone.
    client.send(&HttpRequest::promised(&put).with_body(CONTENT)).await.expect_success("as promised");
    assert_eq!(fixture.stored(KEY).await.unwrap().body, CONTENT);
    fixture.finish().await;
}

async fn a_promised_length_is_kept_by_every_client(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    for mut client in HttpClient::all().await {
        let key = client.name();
        let what = format!("{key} on {peer:?}");
        let promise = IssueUploadUrlRequest { content_length: Some(CONTENT.len() as u64), ..upload(key) };
        let promised = HttpRequest::promised(&fixture.put(promise).await);
        let uncounted = promised.clone().without_header("content-length");
        for body in [&b"promised!"[..], b"promise", b""] {
            client.send(&uncounted.clone().with_body(body)).await.expect_refusal(&what);
            assert!(fixture.stored(key).await.is_none(), "{what}: stored all the same");
        }
        if let HttpClient::Curl(_) = client {
            let in_chunks = uncounted.with_header("transfer-encoding", "chunked").with_body(CONTENT);
            client.send(&in_chunks).await.expect_refusal(&what);
            assert!(fixture.stored(key).await.is_none(), "{what}: stored all the same");
        }
        client.send(&promised.with_body(CONTENT)).await.expect_success(&what);
    }
    fixture.finish().await;
}

async fn a_download_is_of_the_one_object_by_the_one_method(peer: Peer) {
    let fixture = Fixture::on(peer).await;
    let mut client = HttpClient::reqwest();
    for key in [KEY, "bound/other.jpg", "free/a b.jpg"] {
        fixture.upload(upload(key), CONTENT).await;
    }
    let issued = fixture.caller.issue_download(download(KEY)).await.unwrap();
    let (get, head) = (HttpRequest::promised(&issued.get.unwrap()), HttpRequest::promised(&issued.head.unwrap()));
    let mut deviations = url_deviations(&get, &fixture.s3.bucket);
    for method in ["HEAD", "PUT", "POST", "DELETE"] {
        deviations.push((format!("a GET as {method}"), get.clone().with_method(method)));
    }
    for method in ["GET", "PUT", "DELETE"] {
        deviations.push((format!("a HEAD as {method}"), head.clone().with_method(method)));
    }
    if peer.refuses_unsigned_headers() {
        deviations.push(("with x-amz-acl".to_owned(), get.clone().with_header("x-amz-acl", "public-read")));
    }
    for (deviation, request) in deviations {
        client.send(&request).await.expect_refusal(&format!("{deviation} on {peer:?}"));
    }
    client.send(&get).await.expect_success("as promised");
    client.send(&head).await.expect_success("as promised");
    assert_eq!(fixture.stored(KEY).await.unwrap().body, CONTENT, "nothing deleted it");
    fixture.finish().await;
}
