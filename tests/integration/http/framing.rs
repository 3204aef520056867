//! Requests of HTTP/1 whose length or form is ambiguous, broken or unusual.

use crate::support::Broker;
use crate::support::http1::Http1Client;

/// What answers a request, and what follows it on its connection.
struct Case {
    name: &'static str,
    request: String,
    /// The statuses of the answers, and `open` if the next request on the connection was answered.
    expected: &'static str,
}

const fn case(name: &'static str, request: String, expected: &'static str) -> Case {
    Case { name, request, expected }
}

/// A call with a token, whose head goes on with these lines.
fn post(authorization: &str, lines: &str, body: &str) -> String {
    format!(
        "POST /v1/downloadUrl HTTP/1.1\r\nhost: broker.example\r\nauthorization: {authorization}\r\n\
         content-type: application/json\r\n{lines}\r\n{body}"
    )
}

async fn observe(broker: &Broker, request: &str) -> String {
    let (answers, is_open) = Http1Client::connect(broker.address()).await.ask_and_probe(request).await;
    for answer in &answers {
        assert!(answer.status < 500, "{request:?}: {answer:?}");
    }
    let statuses = answers.iter().map(|answer| answer.status.to_string());
    statuses.chain(is_open.then(|| "open".to_owned())).collect::<Vec<_>>().join(" ")
}

/// Checks all cases and reports all that differ.
async fn check(broker: &Broker, cases: Vec<Case>) {
    let mut problems = Vec::new();
    for Case { name, request, expected } in cases {
        let observed = observe(broker, &request).await;
        if observed != expected {
            problems.push(format!("{name}: {observed}, not {expected}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

const MESSAGE: &str = "{\"key\": \"x\"}";
const CHUNKED: &str = "c\r\n{\"key\": \"x\"}\r\n0\r\n\r\n";

#[tokio::test]
async fn a_request_whose_length_is_ambiguous_ends_its_connection() {
    let broker = Broker::builder().start().await;
    let token = broker.authorization();
    let chunked = |name, lines: &str, expected| case(name, post(&token, lines, CHUNKED), expected);
    let plain = |name, lines: &str, expected| case(name, post(&token, lines, MESSAGE), expected);
    let cases = vec![
        plain("a length", "content-length: 12\r\n", "200 open"),
        chunked("chunks", "transfer-encoding: chunked\r\n", "200 open"),
        chunked("chunks in another case", "Transfer-Encoding: CHUNKED\r\n", "200 open"),
        // The chunks are its body, and the connection ends (RFC 9112 section 6.1).
        chunked("length, chunks", "content-length: 22\r\ntransfer-encoding: chunked\r\n", "200"),
        chunked("chunks, length", "transfer-encoding: chunked\r\ncontent-length: 22\r\n", "200"),
        chunked("chunks, length 0", "transfer-encoding: chunked\r\ncontent-length: 0\r\n", "200"),
        chunked("chunks twice", "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", "400"),
        chunked("chunks, chunks", "transfer-encoding: chunked, chunked\r\n", "400"),
        chunked("chunks, identity", "transfer-encoding: chunked, identity\r\n", "400"),
        chunked("identity, chunks", "transfer-encoding: identity, chunked\r\n", "400"),
        chunked("identity", "transfer-encoding: identity\r\n", "400"),
        chunked("gzip, chunks", "transfer-encoding: gzip, chunked\r\n", "400"),
        chunked("xchunked", "transfer-encoding: xchunked\r\n", "400"),
        chunked("quoted", "transfer-encoding: \"chunked\"\r\n", "400"),
        chunked("vertical tab", "transfer-encoding: \x0bchunked\r\n", "400"),
        chunked("empty", "transfer-encoding: \r\n", "400"),
        plain("equal lengths", "content-length: 12\r\ncontent-length: 12\r\n", "200 open"),
        plain("other lengths", "content-length: 12\r\ncontent-length: 11\r\n", "400"),
        plain("list of lengths", "content-length: 12, 12\r\n", "400"),
        plain("plus", "content-length: +12\r\n", "400"),
        plain("minus", "content-length: -12\r\n", "400"),
        plain("space before a length", "content-length:  12\r\n", "200 open"),
        plain("space within a length", "content-length: 1 2\r\n", "400"),
        plain("hexadecimal length", "content-length: 0xc\r\n", "400"),
        plain("empty length", "content-length: \r\n", "400"),
        plain("a large length", "content-length: 18446744073709551616\r\n", "400"),
        plain("space before the colon", "content-length : 12\r\n", "400"),
        plain("a folded line", "content-length: 12\r\nx-folded: a\r\n b\r\n", "400"),
        plain("a folded length", "content-length:\r\n 12\r\n", "400"),
        plain("a nameless field", ": x\r\ncontent-length: 12\r\n", "400"),
        plain("a line without a colon", "x\r\ncontent-length: 12\r\n", "400"),
        plain("NUL in a value", "content-length: 12\r\nx-nul: a\0b\r\n", "400"),
        plain("NUL in a name", "content-length: 12\r\nx-\0: b\r\n", "400"),
        plain("CR in a value", "content-length: 12\r\nx-cr: a\rb\r\n", "400"),
        case("invalid chunk length", post(&token, "transfer-encoding: chunked\r\n", "x\r\n{}\r\n0\r\n\r\n"), "400"),
        case("long chunk", post(&token, "transfer-encoding: chunked\r\n", "1\r\n{}\r\n0\r\n\r\n"), "400"),
        case("negative chunk", post(&token, "transfer-encoding: chunked\r\n", "-1\r\n{}\r\n0\r\n\r\n"), "400"),
        case(
            "huge chunk",
            post(&token, "transfer-encoding: chunked\r\n", "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
            "400",
        ),
    ];
    check(&broker, cases).await;
    broker.finish().await;
}

/// A GET for the description of the interface, with this target and this host.
fn get(target: &str, version: &str, lines: &str) -> String {
    format!("GET {target} {version}\r\n{lines}\r\n")
}

#[tokio::test]
async fn a_target_and_a_host_are_unambiguous() {
    let broker = Broker::builder().start().await;
    let host = "host: broker.example\r\n";
    let one = |name, target: &str, lines: &str, expected| case(name, get(target, "HTTP/1.1", lines), expected);
    let version = |name, version: &str, expected| case(name, get("/openapi.json", version, host), expected);
    let line = |name, line: &str, expected| case(name, format!("{line}\r\n{host}\r\n"), expected);
    let long = "x".repeat(9_000);
    let very_long = "x".repeat(70_000);
    let cases = vec![
        one("path", "/openapi.json", host, "200 open"),
        one("same host", "http://broker.example/openapi.json", host, "200 open"),
        one("same host in another case", "http://BROKER.example/openapi.json", host, "200 open"),
        one("another host", "http://other.example/openapi.json", host, "400 open"),
        one("another port", "http://broker.example:81/openapi.json", host, "400 open"),
        one("another scheme", "ftp://broker.example/openapi.json", host, "200 open"),
        one("target without a header", "http://broker.example/openapi.json", "", "400 open"),
        one("target with userinfo", "http://a@broker.example/openapi.json", host, "400 open"),
        one("authority", "broker.example:80", host, "400 open"),
        one("asterisk", "*", host, "404 open"),
        one("no slash", "openapi.json", host, "400 open"),
        one("two slashes", "//openapi.json", host, "404 open"),
        one("dots", "/x/../openapi.json", host, "404 open"),
        one("escape", "/openapi%2ejson", host, "404 open"),
        one("fragment", "/openapi.json#x", host, "200 open"),
        one("bytes above 127", "/\u{e9}", host, "404 open"),
        one("tab", "/a\tb", host, "400"),
        one("space", "/a b", host, "400"),
        one("NUL", "/a\0b", host, "400"),
        one("no host", "/openapi.json", "", "400 open"),
        one("two hosts", "/openapi.json", "host: broker.example\r\nhost: broker.example\r\n", "400 open"),
        one("empty host", "/openapi.json", "host: \r\n", "400 open"),
        one("port", "/openapi.json", "host: broker.example:8080\r\n", "200 open"),
        one("IPv6", "/openapi.json", "host: [::1]:8080\r\n", "200 open"),
        one("userinfo", "/openapi.json", "host: a:b@broker.example\r\n", "400 open"),
        one("path in host", "/openapi.json", "host: broker.example/x\r\n", "400 open"),
        one("query in host", "/openapi.json", "host: broker.example?x\r\n", "400 open"),
        one("list of hosts", "/openapi.json", "host: a.example, b.example\r\n", "400 open"),
        one("bytes in host", "/openapi.json", "host: \u{e9}.example\r\n", "400 open"),
        version("HTTP/1.0", "HTTP/1.0", "200"),
        version("HTTP/2.0", "HTTP/2.0", "400"),
        version("HTTP/0.9", "HTTP/0.9", "400"),
        version("HTTP/1.2", "HTTP/1.2", "400"),
        version("lower-case version", "http/1.1", "400"),
        case("HTTP/1.0 without a host", get("/openapi.json", "HTTP/1.0", ""), "200"),
        case("chunks in HTTP/1.0", get("/openapi.json", "HTTP/1.0", "transfer-encoding: chunked\r\n"), "400"),
        line("no version", "GET /openapi.json", "400"),
        line("tab after the method", "GET\t/openapi.json HTTP/1.1", ""),
        line("lower-case method", "get /openapi.json HTTP/1.1", ""),
        line("unknown method", "FETCH /openapi.json HTTP/1.1", ""),
        line(
            "lower-case method on the way",
            "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\nget / HTTP/1.1",
            "200 404 open",
        ),
        line("empty line first", "\r\nGET /openapi.json HTTP/1.1", ""),
        line("TRACE", "TRACE /openapi.json HTTP/1.1", "405 open"),
        line("CONNECT", "CONNECT broker.example:80 HTTP/1.1", "400 open"),
        line("CONNECT with a path", "CONNECT /openapi.json HTTP/1.1", "405 open"),
        line("DELETE", "DELETE /openapi.json HTTP/1.1", "405 open"),
        line("a bare line feed", "GET /openapi.json HTTP/1.1\nx: y", "200 open"),
        one(
            "h2c",
            "/openapi.json",
            &format!("{host}upgrade: h2c\r\nhttp2-settings: AAMAAABk\r\nconnection: upgrade, http2-settings\r\n"),
            "200 open",
        ),
        one("WebSocket", "/openapi.json", &format!("{host}upgrade: websocket\r\nconnection: upgrade\r\n"), "200 open"),
        one("129 fields", "/openapi.json", &format!("{host}{}", "a: b\r\n".repeat(128)), "431"),
        one("128 fields", "/openapi.json", &format!("{host}{}", "a: b\r\n".repeat(127)), "200 open"),
        one("a long path", &format!("/{long}"), host, "404 open"),
        one("a header of 20 KiB", "/openapi.json", &format!("{host}x: {}\r\n", "x".repeat(20 * 1_024)), "431"),
        one("a path of 70 KB", &format!("/{very_long}"), host, "431"),
        one("a query of 70 KB", &format!("/v1/downloadUrl?key={very_long}"), host, "431"),
    ];
    check(&broker, cases).await;
    broker.finish().await;
}
