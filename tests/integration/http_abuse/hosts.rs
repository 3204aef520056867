//! The host of a request: one name, in one form.

use super::{DOWNLOAD, authorization, line_of};
use crate::support::Broker;
use crate::support::raw_http1::Http1Client;

/// The first line and the lines of `Host`, with the status.
const FORMS: [(&str, &str, u16); 26] = [
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
    ("GET @ HTTP/1.0", "host: broker\r\n", 200),
    ("GET @ HTTP/1.0", "", 200),
    ("GET @ HTTP/1.0", "host: broker\r\nhost: broker\r\n", 400),
    ("GET http://broker@ HTTP/1.1", "host: broker\r\n", 200),
    ("GET http://BROKER@ HTTP/1.1", "host: broker\r\n", 200),
    ("GET http://other@ HTTP/1.1", "host: broker\r\n", 400),
    ("GET http://broker@ HTTP/1.1", "", 400),
    ("GET http://user@broker@ HTTP/1.1", "host: user@broker\r\n", 400),
    ("GET broker:50051 HTTP/1.1", "host: broker:50051\r\n", 404),
    ("OPTIONS * HTTP/1.1", "host: broker\r\n", 404),
];

#[tokio::test]
async fn a_request_names_one_host() {
    let broker = Broker::builder().start().await;
    let mut wrong = Vec::new();
    for (number, (first, hosts, status)) in FORMS.into_iter().enumerate() {
        let id = format!("host-{number}");
        // The last mark is that of the path.
        let (before, after) = first.rsplit_once('@').unwrap_or((first, ""));
        let first = if after.is_empty() { before.to_owned() } else { format!("{before}{DOWNLOAD}{after}") };
        let request = format!("{first}\r\n{hosts}x-request-id: {id}\r\n{}\r\n\r\n", authorization(&broker));
        let answer = Http1Client::connect(broker.address()).await.ask(request).await;
        let version = if first.ends_with("1.0") { "HTTP/1.0" } else { "HTTP/1.1" };
        assert_eq!(answer.version, version, "{first} {hosts}");
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
