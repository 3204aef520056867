//! What a page of another origin may do.

use axum::http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::peer::{Answer, Peer, an_hour, base64_sha256};
use crate::CUTE_CAT;

const ORIGIN: &str = "https://app.example";

/// Sends the preflight of a browser.
async fn preflight(peer: &Peer, url: &str, method: &str, headers: &str) -> Answer {
    let request = peer.http.request(Method::OPTIONS, url).header("origin", ORIGIN);
    let request = request.header("access-control-request-method", method);
    Answer::read(request.header("access-control-request-headers", headers)).await
}

#[tokio::test]
async fn a_signed_upload_works_after_its_preflight() {
    let peer = Peer::start().await;
    let content = b"from a page";
    let put = peer.put("tier 2/from a page.txt").content_type("text/plain").if_none_match("*");
    let put = put.checksum_sha256(base64_sha256(content)).metadata("owner", "user-one");
    let put = put.presigned(an_hour()).await.unwrap();

    let mut names: Vec<&str> = put.headers().map(|(name, _)| name).filter(|name| *name != "content-length").collect();
    names.sort_unstable();
    assert!(names.contains(&"x-amz-meta-owner") && names.len() >= 3, "{names:?}");
    let answer = preflight(&peer, put.uri(), "PUT", &names.join(",")).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-methods"), "GET, HEAD, PUT, POST");
    assert_eq!(answer.header("access-control-allow-headers"), names.join(", "));
    assert_eq!(answer.header("access-control-max-age"), "600");
    assert_eq!(answer.header("vary"), "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
    assert!(!answer.headers.contains_key("access-control-allow-credentials"));

    let mut upload = peer.http.put(put.uri()).body(content.as_slice()).header("origin", ORIGIN);
    for (name, value) in put.headers() {
        upload = upload.header(name, value);
    }
    let answer = Answer::read(upload).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, "*"));
    assert!(!answer.header("etag").is_empty());
    let exposed: Vec<_> = answer.header("access-control-expose-headers").split(", ").collect();
    assert!(exposed.contains(&"etag") && exposed.contains(&"x-amz-checksum-sha256"), "{exposed:?}");

    let stored = peer.send(&peer.get("tier 2/from a page.txt").presigned(an_hour()).await.unwrap(), "").await;
    assert_eq!(stored.body.as_ref(), content);
}

#[tokio::test]
async fn a_preflight_permits_no_request_that_is_not_signed() {
    let peer = Peer::start().await;
    let url = format!("{}/media/tier%201/cute-cat.jpg", peer.server.url());
    assert_eq!(preflight(&peer, &url, "PUT", "authorization").await.header("access-control-allow-headers"), "");
    for (method, status) in [(Method::GET, 403), (Method::PUT, 403), (Method::OPTIONS, 501)] {
        let answer = Answer::read(peer.http.request(method.clone(), &url).header("origin", ORIGIN)).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (status, "*"), "{method}");
    }
}

#[tokio::test]
async fn a_page_reads_objects_and_errors_of_every_layer() {
    let peer = Peer::start().await;
    let get = peer.get(CUTE_CAT.key).presigned(an_hour()).await.unwrap();
    let missing = peer.get("none").presigned(an_hour()).await.unwrap();
    let invalid_path = format!("{}/media//x", peer.server.url());
    for (url, status) in [(get.uri(), 200), (missing.uri(), 404), (&invalid_path, 400)] {
        let answer = Answer::read(peer.http.get(url).header("origin", ORIGIN)).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (status, "*"));
        assert_eq!(answer.header("vary"), "Origin");
    }
    let same_origin = peer.fetch(get.uri()).await;
    assert_eq!((same_origin.status, same_origin.header("vary")), (200, "Origin"));
    assert!(!same_origin.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_name_that_is_not_loopback_is_refused_even_with_a_signature_and_a_preflight() {
    let peer = Peer::start().await;
    let get = peer.get(CUTE_CAT.key).presigned(an_hour()).await.unwrap();
    let target = get.uri().strip_prefix(&peer.server.url()).unwrap();
    let origin = "origin: http://rebound.example\r\n";
    for request in [
        format!("GET {target} HTTP/1.1\r\nhost: rebound.example\r\n{origin}"),
        format!("OPTIONS {target} HTTP/1.1\r\nhost: rebound.example\r\n{origin}access-control-request-method: PUT\r\n"),
    ] {
        let mut stream = TcpStream::connect(peer.server.local_addr()).await.unwrap();
        stream.write_all(format!("{request}connection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("loopback name"), "{answer}");
        assert!(!answer.contains("access-control-"), "{answer}");
    }
}
