//! The same over HTTP/2, where lengths are in frames: contradictions of its headers.

use serde_json::json;

use super::{DOWNLOAD, line_of, lines_of};
use crate::support::raw::{END_HEADERS, GOAWAY, HEADERS, RST_STREAM, RawClient, frame};
use crate::support::{Broker, http2::Http2Client};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;

/// The flag of the last frame of a stream.
const END_STREAM: u8 = 1;

/// A header block, each field as a literal that is not indexed (RFC 7541 section 6.2.2).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| {
        let mut bytes = match u8::try_from(text.len()) {
            Ok(length @ ..127) => vec![length],
            _ => {
                let rest = text.len() - 127;
                // Two bytes of seven bits are enough here.
                vec![127, u8::try_from(rest % 128).unwrap() | 128, u8::try_from(rest / 128).unwrap()]
            }
        };
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

#[tokio::test]
async fn headers_of_http_1_reset_the_stream() {
    let broker = Broker::builder().start().await;
    let authorization = broker.authorization();
    let usual = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "broker"),
        (":path", DOWNLOAD),
        ("authorization", &*authorization),
        ("x-request-id", "reset"),
    ];
    for (what, fields) in [
        ("transfer-encoding", [&usual[..], &[("transfer-encoding", "chunked")]].concat()),
        ("connection", [&usual[..], &[("connection", "close")]].concat()),
        ("keep-alive", [&usual[..], &[("keep-alive", "1")]].concat()),
        ("proxy-connection", [&usual[..], &[("proxy-connection", "close")]].concat()),
        ("upgrade", [&usual[..], &[("upgrade", "h2c")]].concat()),
        ("te", [&usual[..], &[("te", "gzip")]].concat()),
        ("a name in capitals", [&usual[..], &[("X-A", "b")]].concat()),
        ("a NUL", [&usual[..], &[("x-a", "b\0c")]].concat()),
        ("an LF", [&usual[..], &[("x-a", "b\r\nhost: other")]].concat()),
        ("a length that is not that of the data", [&usual[..], &[("content-length", "5")]].concat()),
        ("two lengths", [&usual[..], &[("content-length", "0"), ("content-length", "5")]].concat()),
        ("a pseudo header last", [&usual[..], &[(":path", "/other")]].concat()),
        ("no path", usual.into_iter().filter(|(name, _)| *name != ":path").collect()),
        (
            "a user",
            usual
                .into_iter()
                .map(|(name, value)| (name, if name == ":authority" { "u@broker%" } else { value }))
                .collect(),
        ),
    ] {
        let mut client = RawClient::greet(broker.address()).await;
        client.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&fields))).await.unwrap();
        let ended = loop {
            let frame = client.next().await.unwrap_or_else(|| panic!("{what}: the connection ended without a frame"));
            if matches!(frame.kind, HEADERS | RST_STREAM | GOAWAY) {
                break frame.kind;
            }
        };
        assert!(ended == RST_STREAM || ended == GOAWAY, "{what}: an answer");
    }
    assert_eq!(lines_of(&broker, "reset").len(), 0);
    assert!(!broker.log.text().contains("/other"));
    broker.assert_serves().await;
    broker.finish().await;
}

#[tokio::test]
async fn a_request_names_one_host() {
    let broker = Broker::builder().start().await;
    let mut client = Http2Client::connect(broker.address()).await;
    for (number, (target, hosts, status)) in [
        ("http://broker", &[][..], 200),
        ("http://broker:50051", &[], 200),
        ("http://broker", &["broker"], 200),
        ("http://broker", &["BROKER"], 200),
        ("http://broker", &["other"], 400),
        ("http://broker", &["broker:50051"], 400),
        ("http://broker", &["broker", "broker"], 400),
        ("http://broker", &["broker", "other"], 400),
        ("http://user@broker", &[], 400),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("host-{number}");
        let mut request = Request::get(format!("{target}{DOWNLOAD}"));
        request = request.header("authorization", broker.authorization()).header("x-request-id", &id);
        for host in hosts {
            request = request.header("host", *host);
        }
        let answer = client.send(request.body(Full::<Bytes>::default()).unwrap()).await;
        assert_eq!(answer.head.status().as_u16(), status, "{target} {hosts:?} {answer:?}");
        let line = line_of(&broker, &id).await;
        assert_eq!(line["reason"], if status == 200 { json!(null) } else { json!("invalid_header") });
        for (name, value) in super::COMMON_HEADERS {
            assert_eq!(answer.header(name), Some(value));
        }
        assert_eq!(answer.header("x-request-id"), Some(&*id));
    }
    broker.finish().await;
}
