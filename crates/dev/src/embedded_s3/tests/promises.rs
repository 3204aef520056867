//! GET and HEAD return the headers of the upload.

use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::types::{ChecksumMode, ChecksumType};
use axum::http::Method;

use super::super::{Engine, STANDARD};
use super::peer::{Answer, BUCKET, Peer, an_hour, base64_sha256};

const CONTENT: &str = "123456789";

/// The checksums of the nine bytes "123456789", the check value of CRC catalogues.
fn with_checksum(put: PutObjectFluentBuilder, algorithm: &str) -> PutObjectFluentBuilder {
    match algorithm {
        "crc32" => put.checksum_crc32(STANDARD.encode(0xcbf4_3926_u32.to_be_bytes())),
        "crc32c" => put.checksum_crc32_c(STANDARD.encode(0xe306_9283_u32.to_be_bytes())),
        "crc64nvme" => put.checksum_crc64_nvme(STANDARD.encode(0xae8b_1486_0a79_9888_u64.to_be_bytes())),
        "sha1" => put.checksum_sha1("98O8HYCOBHMq32eZZczDTKeuNEE="),
        _ => put.checksum_sha256(base64_sha256(CONTENT.as_bytes())),
    }
}

#[tokio::test]
async fn head_and_get_tell_what_was_promised() {
    let peer = Peer::start().await;
    let put = peer.put("promised").content_type("image/svg+xml").cache_control("max-age=60");
    let put = put.content_disposition("attachment; filename=\"cat.svg\"").content_encoding("gzip");
    let put = put.content_language("en").metadata("owner", "user-one").metadata("note", "a b");
    let answer = peer.send(&put.presigned(an_hour()).await.unwrap(), CONTENT).await;
    assert_eq!(answer.status, 200);
    let etag = answer.header("etag").to_owned();
    assert_eq!(etag, "\"25f9e794323b453885f5181f1b624d0b\"");

    let head = peer.sdk.head_object().bucket(BUCKET).key("promised").presigned(an_hour()).await.unwrap();
    let get = peer.get("promised").presigned(an_hour()).await.unwrap();
    for request in [head, get] {
        let answer = peer.send(&request, "").await;
        assert_eq!(answer.status, 200);
        for (name, value) in [
            ("content-type", "image/svg+xml"),
            ("content-length", "9"),
            ("etag", &etag),
            ("cache-control", "max-age=60"),
            ("content-disposition", "attachment; filename=\"cat.svg\""),
            ("content-encoding", "gzip"),
            ("content-language", "en"),
            ("accept-ranges", "bytes"),
            ("x-amz-meta-owner", "user-one"),
            ("x-amz-meta-note", "a b"),
        ] {
            assert_eq!(answer.header(name), value, "{} {name}", request.method());
        }
    }
}

#[tokio::test]
async fn checksums_come_with_checksum_mode() {
    let peer = Peer::start().await;
    for algorithm in ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"] {
        let put = with_checksum(peer.put(algorithm), algorithm).presigned(an_hour()).await.unwrap();
        let name = format!("x-amz-checksum-{algorithm}");
        let promised = put.headers().find(|(header, _)| *header == name).unwrap().1;
        let answer = peer.send(&put, CONTENT).await;
        assert_eq!((answer.status, answer.header(&name)), (200, promised));
        assert_eq!(answer.header("x-amz-checksum-type"), "FULL_OBJECT");

        let head = peer.sdk.head_object().bucket(BUCKET).key(algorithm);
        let plain = peer.send(&head.clone().presigned(an_hour()).await.unwrap(), "").await;
        assert_eq!((plain.header(&name), plain.header("x-amz-checksum-type")), ("", ""));
        let returned = head.checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        let values = [
            returned.checksum_crc32(),
            returned.checksum_crc32_c(),
            returned.checksum_crc64_nvme(),
            returned.checksum_sha1(),
            returned.checksum_sha256(),
        ];
        assert_eq!(values.into_iter().flatten().collect::<Vec<_>>(), [promised], "{algorithm}");
        assert_eq!(returned.checksum_type(), Some(&ChecksumType::FullObject));
        let got = peer.get(algorithm).checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        assert_eq!(got.checksum_type(), Some(&ChecksumType::FullObject));
        assert_eq!(got.body.collect().await.unwrap().into_bytes(), CONTENT);
    }
}

#[tokio::test]
async fn an_object_without_a_checksum_has_no_checksum_type() {
    let peer = Peer::start().await;
    assert_eq!(peer.send(&peer.put("bare").presigned(an_hour()).await.unwrap(), CONTENT).await.status, 200);
    let head = peer.sdk.head_object().bucket(BUCKET).key("bare").checksum_mode(ChecksumMode::Enabled);
    assert_eq!(head.send().await.unwrap().checksum_type(), None);
}

#[tokio::test]
async fn an_upload_by_the_sdk_itself_is_stored_as_it_is() {
    let peer = Peer::start().await;
    let put = peer.put("by the SDK").content_encoding("gzip").body(CONTENT.as_bytes().to_vec().into());
    put.send().await.unwrap();
    let head = peer.sdk.head_object().bucket(BUCKET).key("by the SDK").send().await.unwrap();
    assert_eq!((head.content_encoding(), head.content_length()), (Some("gzip"), Some(9)));
}

#[tokio::test]
async fn a_checksum_algorithm_without_a_checksum_leaves_nothing() {
    let peer = Peer::start().await;
    let put = peer.put("algorithm").customize().mutate_request(|request| {
        request.headers_mut().insert("x-amz-sdk-checksum-algorithm", "SHA256");
    });
    let answer = peer.send(&put.presigned(an_hour()).await.unwrap(), CONTENT).await;
    assert_eq!((answer.status, answer.code()), (400, "InvalidRequest"));
    assert_eq!(peer.send(&peer.get("algorithm").presigned(an_hour()).await.unwrap(), "").await.status, 404);
}

#[tokio::test]
async fn a_head_of_nothing_is_not_found() {
    let peer = Peer::start().await;
    for key in ["nothing", "tier 1", "notes.txt/x"] {
        let head = peer.sdk.head_object().bucket(BUCKET).key(key);
        let answer = peer.send(&head.clone().presigned(an_hour()).await.unwrap(), "").await;
        assert_eq!((answer.status, answer.body.len()), (404, 0), "{key}");
        assert!(head.send().await.unwrap_err().into_service_error().is_not_found(), "{key}");
    }
}

#[tokio::test]
async fn signed_response_overrides_take_effect() {
    const OVERRIDES: [(&str, &str, &str); 6] = [
        ("response-content-type", "text%2Fplain", "text/plain"),
        (
            "response-content-disposition",
            "attachment%3B%20filename%3D%22a%20b.jpg%22",
            "attachment; filename=\"a b.jpg\"",
        ),
        ("response-cache-control", "no-store", "no-store"),
        ("response-content-encoding", "identity", "identity"),
        ("response-content-language", "en", "en"),
        ("response-expires", "Thu%2C%2001%20Dec%201994%2016%3A00%3A00%20GMT", "Thu, 01 Dec 1994 16:00:00 GMT"),
    ];
    let peer = Peer::start().await;
    let query: String = OVERRIDES.iter().flat_map(|(name, value, _)| ["&", name, "=", value]).collect();
    let extend =
        move |uri: &str| if uri.contains('?') { format!("{uri}{query}") } else { format!("{uri}?{}", &query[1..]) };
    let head = peer.sdk.head_object().bucket(BUCKET).key("notes.txt").customize();
    let extend_head = extend.clone();
    let head = head.mutate_request(move |request| request.set_uri(extend_head(request.uri())).unwrap());
    let get = peer.get("notes.txt").customize();
    let get = get.mutate_request(move |request| request.set_uri(extend(request.uri())).unwrap());
    for request in [head.presigned(an_hour()).await.unwrap(), get.presigned(an_hour()).await.unwrap()] {
        let answer = peer.send(&request, "").await;
        assert_eq!(answer.status, 200);
        for (name, _, value) in OVERRIDES {
            let header = name.strip_prefix("response-").unwrap();
            assert_eq!(answer.header(header), value, "{} {header}", request.method());
            assert_eq!(answer.headers.get_all(header).iter().count(), 1);
        }
        let changed = request.uri().replace("no-store", "public");
        let method: Method = request.method().parse().unwrap();
        assert_eq!(Answer::read(peer.http.request(method, changed)).await.status, 403);
    }
    let unsigned = peer.send_unsigned(Method::GET, "/media/notes.txt?response-content-type=text/html").await;
    assert_eq!(unsigned.status, 403);
}
