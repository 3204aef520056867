//! Answers that are not gRPC, and those of the admin port.

use std::fmt::Write;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::assert_unchanged;
use super::redaction::redacted;
use super::session::session;
use crate::support::http2::Http2Client;

const DOWNLOAD: &str = "http://broker/accessbroker.v1.AccessBrokerService/IssueDownloadUrl";

/// The name of a request, its method, its content type and the length of its metadata.
const REQUESTS: [(&str, &str, Option<&str>, usize); 8] = [
    ("grpc-web", "POST", Some("application/grpc-web+proto"), 1),
    ("json", "POST", Some("application/json"), 1),
    ("no-content-type", "POST", None, 1),
    ("get", "GET", None, 1),
    ("get-of-grpc", "GET", Some("application/grpc"), 1),
    ("head", "HEAD", None, 1),
    ("options", "OPTIONS", None, 1),
    ("too-much-metadata", "POST", Some("application/grpc"), 20_000),
];

/// The requests that have a line in the log, by their ids.
pub(super) const LOGGED: [&str; 7] = ["grpc-web", "json", "no-content-type", "get", "get-of-grpc", "head", "options"];

fn headers(text: &mut String, headers: &HeaderMap) {
    let mut headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    headers.sort_unstable();
    for (name, value) in headers {
        writeln!(text, "{name}: {value}").unwrap();
    }
}

/// What clients of other protocols get at the gRPC port, and what the admin port says.
pub(super) async fn answers(grpc: SocketAddr, admin: SocketAddr) -> String {
    let mut text = String::new();
    let mut client = Http2Client::connect(grpc).await;
    for (id, method, content_type, metadata) in REQUESTS {
        let mut request = Request::builder().method(method).uri(DOWNLOAD).header("x-request-id", id);
        request = request.header("x-padding", "x".repeat(metadata));
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = client.send(request.body(Full::<Bytes>::default()).unwrap()).await;
        writeln!(text, "## {id}: {method} with content-type {content_type:?}\nHTTP/2 {}", answer.head.status())
            .unwrap();
        headers(&mut text, answer.head.headers());
        writeln!(text, "\n{}", std::str::from_utf8(&answer.body).unwrap()).unwrap();
    }
    for sent in ["GET /healthz HTTP/1.1\r\nhost: broker\r\nconnection: close\r\n\r\n", "HEAD / HTTP/1.0\r\n\r\n"] {
        writeln!(text, "## {sent:?} at the gRPC port\n{}", exchange(grpc, sent).await).unwrap();
    }
    for line in ["GET /livez", "HEAD /livez", "GET /readyz", "GET /healthz", "GET /", "POST /metrics"] {
        let answer = exchange(admin, &format!("{line} HTTP/1.1\r\nhost: broker\r\n\r\n")).await;
        writeln!(text, "## {line} at the admin port\n{answer}").unwrap();
    }
    for accept in ["", "accept: text/plain\r\n", "accept: application/openmetrics-text\r\n"] {
        let answer = exchange(admin, &format!("GET /metrics HTTP/1.1\r\nhost: broker\r\n{accept}\r\n")).await;
        let head = answer.split_once("\n\n").unwrap().0;
        let head: Vec<_> = head.lines().filter(|line| !line.starts_with("content-length: ")).collect();
        writeln!(text, "## GET /metrics with {accept:?}\n{}\n", head.join("\n")).unwrap();
    }
    redacted(&text)
}

/// Everything that is answered to these bytes.
async fn exchange(address: SocketAddr, sent: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.replace("\r\n", "\n")
}

#[test]
fn answers_that_are_not_grpc_are_as_they_were() {
    assert_unchanged("plain_http", &session().plain_http);
}
