//! HTTP/1 byte by byte (RFC 9112), for what no client library would send.

use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;

use super::PATIENCE;

/// The id of [`PROBE`] and of its answer.
const PROBE_ID: &str = "probe";

/// A request that ends its connection. It is sent behind another one: its answer shows that the connection was still
/// used, and where the other request ended.
const PROBE: &str =
    "GET /openapi.json HTTP/1.1\r\nhost: broker.example\r\nx-request-id: probe\r\nconnection: close\r\n\r\n";

/// A connection of a client that sends what it likes.
pub(crate) struct Http1Client<S = TcpStream> {
    stream: S,
    read: Vec<u8>,
}

/// The whole of an answer.
#[derive(Debug)]
pub(crate) struct Http1Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Http1Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http1Client<S> {
    pub(crate) const fn over(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// Sends bytes. The server may have closed the connection.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _closed =
            time::timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.expect("the bytes are taken");
    }

    /// The next answer; `None` at the end of the connection.
    pub(crate) async fn answer(&mut self) -> Option<Http1Answer> {
        self.answer_to("GET").await
    }

    /// The next answer, to a request with this method.
    pub(crate) async fn answer_to(&mut self, method: &str) -> Option<Http1Answer> {
        let head_end = loop {
            if let Some(at) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at;
            }
            if !self.read_more().await {
                assert!(self.read.is_empty(), "a part of an answer: {:?}", String::from_utf8_lossy(&self.read));
                return None;
            }
        };
        let head: Vec<u8> = self.read.drain(..head_end + 4).collect();
        let (status, headers) = head_of(std::str::from_utf8(&head).unwrap());
        let length = headers.get("content-length").map_or(0, |length| length.to_str().unwrap().parse().unwrap());
        let length = if method == "HEAD" { 0 } else { length };
        while self.read.len() < length {
            assert!(self.read_more().await, "the end within a body");
        }
        Some(Http1Answer { status, headers, body: self.read.drain(..length).collect() })
    }

    /// The answer to a request.
    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Http1Answer {
        self.send(&request).await;
        let method = request.as_ref().split(|byte| *byte == b' ').next().unwrap_or_default();
        self.answer_to(std::str::from_utf8(method).unwrap_or_default()).await.expect("an answer")
    }

    /// Every answer up to the end of the connection, which must come.
    pub(crate) async fn answers_to_the_end(&mut self) -> Vec<Http1Answer> {
        let mut answers = Vec::new();
        while let Some(answer) = self.answer().await {
            answers.push(answer);
        }
        answers
    }

    /// Sends bytes and then a probe. The answers to the bytes, and whether the probe was answered as well.
    pub(crate) async fn ask_and_probe(mut self, bytes: impl AsRef<[u8]>) -> (Vec<Http1Answer>, bool) {
        self.send([bytes.as_ref(), PROBE.as_bytes()].concat()).await;
        let mut answers = self.answers_to_the_end().await;
        let is_probe = answers.last().is_some_and(|last| last.header("x-request-id") == Some(PROBE_ID));
        if is_probe {
            assert_eq!(answers.pop().map(|answer| answer.status), Some(200));
        }
        (answers, is_probe)
    }

    async fn read_more(&mut self) -> bool {
        // A reset is an end as well.
        let read = time::timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await;
        read.expect("an answer or the end").is_ok_and(|bytes| bytes > 0)
    }
}

impl Http1Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The reason of a failure in REST.
    pub(crate) fn reason(&self) -> String {
        let body = serde_json::from_slice::<Value>(&self.body).unwrap_or_default();
        body["details"][0]["reason"].as_str().unwrap_or_default().to_owned()
    }
}

fn head_of(head: &str) -> (u16, HeaderMap) {
    let mut lines = head.trim_end().split("\r\n");
    let status_line = lines.next().unwrap();
    let status = status_line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no answer of HTTP/1: {head:?}"));
    let field = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line:?}"));
        (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
    };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.map(field) {
        headers.append(name, value);
    }
    (status, headers)
}
