mod access;
mod attributes;
mod browsers;
mod conditions;
mod forms;
mod long_keys;
mod multipart;
mod peer;
mod presigned;
mod promises;
mod sessions;

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::http::Method;
use bytes::Bytes;

use super::*;
use crate::samples::SAMPLES;
use crate::{CUTE_CAT, seed};
use peer::{Answer, BUCKET, Peer, an_hour, base64_sha256, options};

#[tokio::test]
async fn a_presigned_download_returns_the_sample_byte_for_byte() {
    let peer = Peer::start().await;
    for sample in SAMPLES {
        let answer = peer.send(&peer.get(sample.key).presigned(an_hour()).await.unwrap(), "").await;
        assert_eq!(answer.status, 200, "{}", sample.key);
        assert_eq!(answer.header("content-type"), sample.content_type);
        assert!(answer.body == sample.content, "{}", sample.key);
    }
}

#[tokio::test]
async fn a_presigned_head_tells_the_size_and_sends_no_body() {
    let peer = Peer::start().await;
    let head = peer.sdk.head_object().bucket(BUCKET).key(CUTE_CAT.key).presigned(an_hour()).await.unwrap();
    let answer = peer.send(&head, "").await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(answer.header("content-length"), CUTE_CAT.content.len().to_string());
    assert_eq!(answer.header("content-type"), "image/jpeg");
}

#[tokio::test]
async fn a_create_only_upload_works_once() {
    let peer = Peer::start().await;
    let content = b"a picture, in spirit";
    let put = peer.put("tier 2/new cat.jpg").content_type("image/jpeg").if_none_match("*");
    let put = put.checksum_sha256(base64_sha256(content)).content_length(20).metadata("owner", "user-one");
    let put = put.presigned(an_hour()).await.unwrap();
    assert_eq!(peer.send(&put, content.as_slice()).await.status, 200);
    let again = peer.send(&put, content.as_slice()).await;
    assert_eq!((again.status, again.code()), (412, "PreconditionFailed"));

    let stored = peer.send(&peer.get("tier 2/new cat.jpg").presigned(an_hour()).await.unwrap(), "").await;
    assert_eq!((stored.status, stored.body.as_ref()), (200, content.as_slice()));
    assert_eq!(stored.header("content-type"), "image/jpeg");
    assert_eq!(stored.header("x-amz-meta-owner"), "user-one");
}

#[tokio::test]
async fn of_two_create_only_uploads_at_once_one_creates() {
    let peer = Peer::start().await;
    let put = peer.put("race").if_none_match("*").presigned(an_hour()).await.unwrap();
    let content = Bytes::from(vec![0; 2_000_000]);
    let (one, other) = tokio::join!(peer.send(&put, content.clone()), peer.send(&put, content));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert!(matches!(statuses, [200, 409 | 412]), "{statuses:?}");
}

#[tokio::test]
async fn content_that_breaks_its_checksum_leaves_the_old_object_in_place() {
    let peer = Peer::start().await;
    let announced = b"what was announced";
    let puts = [
        peer.put(CUTE_CAT.key).checksum_sha256(base64_sha256(announced)),
        peer.put(CUTE_CAT.key).checksum_sha1("AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        peer.put(CUTE_CAT.key).checksum_crc32("AAAAAA=="),
        peer.put(CUTE_CAT.key).checksum_crc32_c("AAAAAA=="),
        peer.put(CUTE_CAT.key).checksum_crc64_nvme("AAAAAAAAAAA="),
        peer.put(CUTE_CAT.key).content_md5("AAAAAAAAAAAAAAAAAAAAAA=="),
    ];
    for (index, put) in puts.into_iter().enumerate() {
        let put = put.presigned(an_hour()).await.unwrap();
        let answer = peer.send(&put, "something else").await;
        assert_eq!((answer.status, answer.code()), (400, "BadDigest"), "case {index}");
        let kept = peer.send(&peer.get(CUTE_CAT.key).presigned(an_hour()).await.unwrap(), "").await;
        assert!(kept.body == CUTE_CAT.content, "case {index}");
    }
}

#[tokio::test]
async fn content_that_keeps_its_checksum_is_stored() {
    let peer = Peer::start().await;
    // The checksums of the nine bytes "123456789", the check value of CRC catalogues.
    let puts = [
        peer.put("crc32").checksum_crc32(STANDARD.encode(0xcbf4_3926_u32.to_be_bytes())),
        peer.put("crc32c").checksum_crc32_c(STANDARD.encode(0xe306_9283_u32.to_be_bytes())),
        peer.put("crc64nvme").checksum_crc64_nvme(STANDARD.encode(0xae8b_1486_0a79_9888_u64.to_be_bytes())),
        peer.put("sha256").checksum_sha256(base64_sha256(b"123456789")),
        peer.put("md5").content_md5("JfnnlDI7RTiF9RgfG2JNCw=="),
    ];
    for (index, put) in puts.into_iter().enumerate() {
        let answer = peer.send(&put.presigned(an_hour()).await.unwrap(), "123456789").await;
        assert_eq!((answer.status, answer.code()), (200, ""), "case {index}");
    }
}

#[tokio::test]
async fn what_was_signed_cannot_be_changed() {
    let peer = Peer::start().await;
    let get = peer.get(CUTE_CAT.key).presigned(an_hour()).await.unwrap();
    let stolen = peer.http.get(get.uri().replace("tier%201/cute-cat", "tier%202/super-cute-cat"));
    let longer = peer.http.get(get.uri().replace("X-Amz-Expires=3600", "X-Amz-Expires=7200"));
    let versioned = peer.http.get(format!("{}&versionId=1", get.uri()));
    let written = peer.http.put(get.uri()).body("overwritten");
    for request in [stolen, longer, versioned, written] {
        let answer = Answer::read(request).await;
        assert_eq!((answer.status, answer.code()), (403, "SignatureDoesNotMatch"));
    }

    let put = peer.put("x").content_type("image/jpeg").content_length(4).presigned(an_hour()).await.unwrap();
    let other_type = peer.http.put(put.uri()).header("content-type", "text/html").body("1234");
    let other_length = peer.http.put(put.uri()).header("content-type", "image/jpeg").body("12345");
    for request in [other_type, other_length] {
        let answer = Answer::read(request).await;
        assert_eq!((answer.status, answer.code()), (403, "SignatureDoesNotMatch"));
    }
    assert_eq!(peer.send(&put, "1234").await.status, 200);
}

#[tokio::test]
async fn there_are_no_versions_but_null() {
    let peer = Peer::start().await;
    for (version, status) in [("null", 200), ("3HL4kqtJlcpXroDTDmJ", 404)] {
        let get = peer.get(CUTE_CAT.key).version_id(version).presigned(an_hour()).await.unwrap();
        assert_eq!(peer.send(&get, "").await.status, status, "{version}");
    }
}

#[tokio::test]
async fn an_unsigned_request_is_refused() {
    let peer = Peer::start().await;
    let object = "/media/tier%201/cute-cat.jpg";
    for path in [object, "/", "/media", "/media/", "/media?list-type=2", "/media/?list-type=2&prefix=tier%201/"] {
        let answer = peer.send_unsigned(Method::GET, path).await;
        assert_eq!((answer.status, answer.code()), (403, "AccessDenied"), "{path}");
    }
    assert_eq!(peer.send_unsigned(Method::PUT, object).await.status, 403);
    assert_eq!(peer.send_unsigned(Method::DELETE, object).await.status, 403);
}

#[tokio::test]
async fn another_key_pair_is_refused() {
    let peer = Peer::start().await;
    let stranger = Peer::start().await;
    let theirs = stranger.get(CUTE_CAT.key).presigned(an_hour()).await.unwrap();
    let uri = theirs.uri().replace(&stranger.server.url(), &peer.server.url());
    assert_eq!(Answer::read(peer.http.get(uri)).await.status, 403);
}

#[tokio::test]
async fn a_signed_key_that_would_leave_the_bucket_is_refused() {
    let peer = Peer::start().await;
    std::fs::write(peer.folder.path().join("private.txt"), "beside the bucket").unwrap();
    for key in
        ["../private.txt", "tier 1/../../private.txt", "./notes.txt", "tier 1//cute-cat.jpg", "notes.txt/", "a\0b"]
    {
        let get = peer.get(key).presigned(an_hour()).await.unwrap();
        let answer = peer.raw_status_line(get.uri()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{key:?}: {answer}");
    }
    let get = peer.get("../private.txt").presigned(an_hour()).await.unwrap();
    let encoded = peer.raw_status_line(&get.uri().replace("/../", "/%2e%2e/")).await;
    assert!(encoded.starts_with("HTTP/1.1 400"), "{encoded}");
}

#[tokio::test]
async fn a_signed_upload_cannot_be_turned_into_a_copy() {
    let peer = Peer::start().await;
    let put = peer.put("copy").presigned(an_hour()).await.unwrap();
    let copy = peer.http.put(put.uri()).header("x-amz-copy-source", "media/tier%202/super-cute-cat.jpg");
    assert_eq!(Answer::read(copy).await.status, 403);
    let signed = peer.put("copy").customize().mutate_request(|request| {
        request.headers_mut().insert("x-amz-copy-source", "media/../private.txt");
    });
    let signed = signed.presigned(an_hour()).await.unwrap();
    assert!(signed.uri().contains("x-amz-copy-source"), "the SDK signs the header");
    assert_eq!(peer.send(&signed, "").await.status, 501);
}

#[tokio::test]
async fn other_buckets_folders_and_missing_keys_are_not_found() {
    let peer = Peer::start().await;
    std::fs::create_dir(peer.folder.path().join("other")).unwrap();
    let elsewhere = peer.sdk.put_object().bucket("other").key("x").presigned(an_hour()).await.unwrap();
    let answer = peer.send(&elsewhere, "x").await;
    assert_eq!((answer.status, answer.code()), (404, "NoSuchBucket"));
    for key in ["tier 1", "tier 1/none.jpg"] {
        let answer = peer.send(&peer.get(key).presigned(an_hour()).await.unwrap(), "").await;
        assert_eq!((answer.status, answer.code()), (404, "NoSuchKey"), "{key}");
    }
}

#[tokio::test]
async fn a_file_put_there_by_hand_is_served_as_binary() {
    let peer = Peer::start().await;
    std::fs::write(peer.folder.path().join(BUCKET).join("by hand"), "12").unwrap();
    let answer = peer.send(&peer.get("by hand").presigned(an_hour()).await.unwrap(), "").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "binary/octet-stream"));
}

#[tokio::test]
async fn seeding_again_keeps_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    seed(folder.path(), BUCKET).await.unwrap();
    std::fs::write(folder.path().join(BUCKET).join(CUTE_CAT.key), "my own cat").unwrap();
    seed(folder.path(), BUCKET).await.unwrap();
    let peer = Peer::start_in(folder).await;
    let answer = peer.send(&peer.get(CUTE_CAT.key).presigned(an_hour()).await.unwrap(), "").await;
    assert_eq!(answer.body.as_ref(), b"my own cat");
}

#[tokio::test]
async fn impossible_options_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let key = options.keys.first().unwrap();
    let shown = format!("{options:?}");
    assert!(!shown.contains(&key.id) && !shown.contains(&key.secret), "{shown}");
    let exposed = EmbeddedS3Options { address: (Ipv4Addr::UNSPECIFIED, 0).into(), ..options.clone() };
    assert!(EmbeddedS3::start(exposed).await.is_err());
    for bucket in ["", "..", "Media", "a/b"] {
        assert!(EmbeddedS3::start(EmbeddedS3Options { bucket: bucket.to_owned(), ..options.clone() }).await.is_err());
    }
    for owner in ["", "11122223333", "1112222333344", "11122223333x"] {
        assert!(
            EmbeddedS3::start(EmbeddedS3Options { owner: Some(owner.to_owned()), ..options.clone() }).await.is_err()
        );
    }
    std::fs::write(folder.path().join("file"), "").unwrap();
    assert!(EmbeddedS3::start(EmbeddedS3Options { data_dir: folder.path().join("file"), ..options }).await.is_err());
}

/// The library logs whole requests: none of its log lines may be written, at any level.
#[tokio::test]
async fn no_signature_is_logged() {
    let peer = Peer::start().await;
    let get = peer.get(CUTE_CAT.key).presigned(an_hour()).await.unwrap();
    let missing = peer.get("tier 1/none.jpg").presigned(an_hour()).await.unwrap();
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&log);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || LogWriter(Arc::clone(&writer)))
        .finish();
    // This runtime has one thread, so the server's tasks log to this subscriber as well.
    let guard = tracing::subscriber::set_default(subscriber);
    for (uri, status) in [(get.uri(), 200), (missing.uri(), 404), (&get.uri().replace("=host", "=range"), 403)] {
        let line = peer.raw_status_line(uri).await;
        assert!(line.starts_with(&format!("HTTP/1.1 {status}")), "{line}");
    }
    drop(guard);
    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    assert!(log.contains("the embedded S3 server answered"), "{log}");
    for secret in ["X-Amz-Signature", "X-Amz-Credential", "AKIA"] {
        assert!(!log.contains(secret), "{log}");
    }
}

struct LogWriter(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn key_pairs_are_shaped_like_those_of_aws_and_differ() {
    let (id, secret) = generate_key_pair().unwrap();
    assert_eq!((id.len(), secret.len()), (20, 40));
    assert!(id.starts_with("AKIA") && id.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7')), "{id}");
    let (other_id, other_secret) = generate_key_pair().unwrap();
    assert!(id != other_id && secret != other_secret);
}
