//! Headers of HTTP/2 that contradict its frames, or that only HTTP/1 has.

use super::{DOWNLOAD, lines_of};
use crate::support::Broker;
use crate::support::raw::{END_HEADERS, GOAWAY, HEADERS, RST_STREAM, RawClient, frame};

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
