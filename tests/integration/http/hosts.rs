//! The host of a request: one name, in one form.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use super::{COMMON_HEADERS, DOWNLOAD, exchange, line_of};
use crate::support::Broker;
use crate::support::http2::Http2Client;

/// The first line and the lines of `Host`, with the status.
const FORMS: [(&str, &str, u16); 34] = [
    ("GET @ HTTP/1.1", "host: broker\r\n", 200),
    ("GET @ HTTP/1.1", "Host:broker:50051 \r\n", 200),
    ("GET @ HTTP/1.1", "host: [::1]:50051\r\n", 200),
    ("GET @ HTTP/1.1", "", 400),
    ("GET @ HTTP/1.1", "host:\r\n", 400),
    ("GET @ HTTP/1.1", "host: \r\n", 400),
    ("GET @ HTTP/1.1", "host: broker\r\nhost: broker\r\n", 400),
    ("GET @ HTTP/1.1", "host: broker\r\nhost: other\r\n", 400),
    ("GET @ HTTP/1.1", "host: broker, other\r\n", 400),
    ("GET @ HTTP/1.1", "host: user@broker\r\n", 400),
    ("GET @ HTTP/1.1", "host: user:password@broker\r\n", 400),
    ("GET @ HTTP/1.1", "host: broker/path\r\n", 400),
    ("GET @ HTTP/1.1", "host: broker?query\r\n", 400),
    ("GET @ HTTP/1.1", "host: http://broker\r\n", 400),
    ("GET @ HTTP/1.1", "host: broker:port\r\n", 400),
    ("GET @ HTTP/1.1", "host: bro ker\r\n", 400),
    ("GET @ HTTP/1.1", "host: é.example\r\n", 400),
    ("GET @ HTTP/1.0", "host: broker\r\n", 200),
    ("GET @ HTTP/1.0", "", 200),
    ("GET @ HTTP/1.0", "host: broker\r\nhost: broker\r\n", 400),
    ("GET http://broker@ HTTP/1.1", "host: broker\r\n", 200),
    ("GET http://BROKER@ HTTP/1.1", "host: broker\r\n", 200),
    ("GET http://other@ HTTP/1.1", "host: broker\r\n", 400),
    ("GET http://broker@ HTTP/1.1", "", 400),
    ("GET http://user@broker@ HTTP/1.1", "host: user@broker\r\n", 400),
    ("GET http://user@broker@ HTTP/1.1", "host: broker\r\n", 400),
    ("GET http://broker:81@ HTTP/1.1", "host: broker\r\n", 400),
    ("GET ftp://broker@ HTTP/1.1", "host: broker\r\n", 200),
    ("GET broker:50051 HTTP/1.1", "host: broker:50051\r\n", 404),
    ("GET broker:50051 HTTP/1.1", "host: broker\r\n", 400),
    ("CONNECT broker HTTP/1.1", "host: broker\r\n", 404),
    ("CONNECT broker:443 HTTP/1.1", "host: broker:443\r\n", 404),
    ("CONNECT broker:80 HTTP/1.1", "host: broker\r\n", 400),
    ("OPTIONS * HTTP/1.1", "host: broker\r\n", 404),
];

#[tokio::test]
async fn a_request_names_one_host() {
    let broker = Broker::builder().start().await;
    let mut wrong = Vec::new();
    for (number, (first, hosts, status)) in FORMS.into_iter().enumerate() {
        let id = format!("host-{number}");
        // The last mark is that of the path.
        let first = match first.rsplit_once('@') {
            Some((before, after)) => format!("{before}{DOWNLOAD}{after}"),
            None => first.to_owned(),
        };
        let (answers, is_open) = exchange(&broker, &format!("{first}\r\n{hosts}@\r\n\r\n"), &id).await;
        let [answer] = &answers[..] else { panic!("{first} {hosts:?}: {answers:?}") };
        let is_old = first.ends_with("1.0");
        assert_eq!(answer.version, if is_old { "HTTP/1.0" } else { "HTTP/1.1" }, "{first} {hosts}");
        assert_eq!(is_open, !is_old, "{first} {hosts}: a refused host does not end its connection");
        let line = line_of(&broker, &id).await;
        let reason = match status {
            200 => None,
            404 => Some("unknown_method"),
            _ => Some("invalid_header"),
        };
        if (answer.status, line["reason"].as_str()) != (status, reason) {
            wrong.push(format!("{first} {hosts:?}: {} {}", answer.status, line["reason"]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    broker.finish().await;
}

#[tokio::test]
async fn a_request_of_http_2_names_one_host() {
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
        ("http://broker", &[""], 400),
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
        let reason = (status == 400).then_some("invalid_header");
        assert_eq!(line_of(&broker, &id).await["reason"].as_str(), reason);
        for (name, value) in COMMON_HEADERS {
            assert_eq!(answer.header(name), Some(value));
        }
        assert_eq!(answer.header("x-request-id"), Some(&*id));
    }
    broker.assert_serves().await;
    broker.finish().await;
}
