//! Requests whose length or lines are ambiguous: each has one meaning, or is refused and its connection closed.

use super::{DOWNLOAD, DOWNLOAD_JSON, authorization, exchange, get};
use crate::support::Broker;
use crate::support::http1::Http1Client;

/// A request that an attacker hides behind the body of another.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nhost: broker\r\n\r\n";

/// A POST request with these header lines in addition to the usual ones, and these bytes after the head.
fn post(lines: &str, rest: &str) -> String {
    format!("POST /v1/downloadUrl HTTP/1.1\r\nhost: broker\r\ncontent-type: application/json\r\n{lines}\r\n{rest}")
}

fn chunked() -> String {
    format!("{:x}\r\n{DOWNLOAD_JSON}\r\n0\r\n\r\n", DOWNLOAD_JSON.len())
}

/// Each form with the statuses of its answers, and whether its connection stays open.
async fn assert_outcomes(forms: Vec<(&str, String, &[u16], bool)>) {
    let broker = Broker::builder().start().await;
    let mut wrong = Vec::new();
    for (number, (what, form, statuses, is_open)) in forms.into_iter().enumerate() {
        let (answers, found_open) = exchange(&broker, &form, &format!("form-{number}")).await;
        let found: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        if (&found[..], found_open) != (statuses, is_open) {
            wrong.push(format!("{what}: {found:?} {found_open} instead of {statuses:?} {is_open}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(!broker.log.text().contains("/hidden"), "a hidden request was read");
    broker.assert_serves().await;
    broker.wait_for_open(0).await;
    assert_eq!(broker.counters().calls.panics.get(), 0);
    broker.finish().await;
}

#[tokio::test]
async fn a_transfer_encoding_and_a_length_end_the_connection_after_one_answer() {
    let (body, chunked) = (DOWNLOAD_JSON, chunked());
    let after_chunks = format!("{chunked}{HIDDEN}");
    let in_chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let length = format!("content-length: {}\r\n", chunked.len());
    assert_outcomes(vec![
        ("only chunked", post("@\r\ntransfer-encoding: chunked\r\n", &chunked), &[200], true),
        ("in capitals", post("@\r\nTransfer-Encoding: CHUNKED\r\n", &chunked), &[200], true),
        ("length first", post(&format!("@\r\n{length}transfer-encoding: chunked\r\n"), &after_chunks), &[200], false),
        ("length last", post(&format!("@\r\ntransfer-encoding: chunked\r\n{length}"), &after_chunks), &[200], false),
        (
            "length 0 and chunks",
            post("@\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n", &in_chunks),
            &[200],
            false,
        ),
        (
            "chunks and length 0",
            post("@\r\ntransfer-encoding: chunked\r\ncontent-length: 0\r\n", &in_chunks),
            &[200],
            false,
        ),
        (
            "twice",
            post("@\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", &after_chunks),
            &[400],
            false,
        ),
        ("a list of two", post("@\r\ntransfer-encoding: chunked, chunked\r\n", &after_chunks), &[400], false),
        ("chunked, identity", post("@\r\ntransfer-encoding: chunked, identity\r\n", &after_chunks), &[400], false),
        ("identity, chunked", post("@\r\ntransfer-encoding: identity, chunked\r\n", &after_chunks), &[400], false),
        (
            "identity and chunked",
            post("@\r\ntransfer-encoding: identity\r\ntransfer-encoding: chunked\r\n", &after_chunks),
            &[400],
            false,
        ),
        ("identity", post("@\r\ntransfer-encoding: identity\r\n", &after_chunks), &[400], false),
        ("quoted", post("@\r\ntransfer-encoding: \"chunked\"\r\n", &after_chunks), &[400], false),
        ("gzip, chunked", post("@\r\ntransfer-encoding: gzip, chunked\r\n", &after_chunks), &[400], false),
        ("xchunked", post("@\r\ntransfer-encoding: xchunked\r\n", &after_chunks), &[400], false),
        ("with a parameter", post("@\r\ntransfer-encoding: chunked;q=1\r\n", &after_chunks), &[400], false),
        ("empty", post("@\r\ntransfer-encoding:\r\n", &after_chunks), &[400], false),
        ("a vertical tab", post("@\r\ntransfer-encoding: \x0bchunked\r\n", &after_chunks), &[400], false),
        ("a GET", get(DOWNLOAD, &["@", "transfer-encoding: gzip, chunked"]) + &after_chunks, &[400], false),
        (
            "HTTP/1.0",
            post("@\r\ntransfer-encoding: chunked\r\n", &after_chunks).replace("HTTP/1.1", "HTTP/1.0"),
            &[400],
            false,
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_length_is_a_number_and_there_is_one() {
    let body = DOWNLOAD_JSON;
    let length = body.len();
    let of = |value: &str| post(&format!("@\r\ncontent-length: {value}\r\n"), &format!("{body}{HIDDEN}"));
    let twice = |one: &str, other: &str| {
        post(&format!("@\r\ncontent-length: {one}\r\ncontent-length: {other}\r\n"), &format!("{body}{HIDDEN}"))
    };
    let (right, shorter) = (length.to_string(), (length - 1).to_string());
    assert_outcomes(vec![
        ("with spaces", post(&format!("@\r\ncontent-length:  {length} \r\n"), body), &[200], true),
        (
            "twice the same",
            post(&format!("@\r\ncontent-length: {length}\r\ncontent-length: {length}\r\n"), body),
            &[200],
            true,
        ),
        ("two lengths", twice(&right, &shorter), &[400], false),
        ("two lengths, the other way", twice(&shorter, &right), &[400], false),
        ("a list", of(&format!("{length}, {length}")), &[400], false),
        ("a plus", of(&format!("+{length}")), &[400], false),
        ("a minus", of(&format!("-{length}")), &[400], false),
        ("hexadecimal", of(&format!("0x{length:x}")), &[400], false),
        ("a letter", of(&format!("{length}a")), &[400], false),
        ("a fraction", of(&format!("{length}.0")), &[400], false),
        ("empty", of(""), &[400], false),
        ("a space within", of("2 8"), &[400], false),
        ("a folded line", of(&format!("\r\n {length}")), &[400], false),
        ("more than 64 bits", of("18446744073709551616"), &[400], false),
        ("20 digits", of("99999999999999999999"), &[400], false),
        ("all of 64 bits", of("18446744073709551615"), &[431], false),
    ])
    .await;
}

#[tokio::test]
async fn chunks_have_one_form() {
    let of = |chunks: &str| post("@\r\ntransfer-encoding: chunked\r\n", &format!("{chunks}{HIDDEN}"));
    let (body, size) = (DOWNLOAD_JSON, format!("{:x}", DOWNLOAD_JSON.len()));
    assert_outcomes(vec![
        (
            "an extension",
            post("@\r\ntransfer-encoding: chunked\r\n", &format!("{size};a=b\r\n{body}\r\n0\r\n\r\n")),
            &[200],
            true,
        ),
        ("a bare LF", of(&format!("{size}\n{body}\r\n0\r\n\r\n")), &[400], false),
        ("an LF in an extension", of(&format!("{size};a\n{body}\r\n0\r\n\r\n")), &[400], false),
        ("a minus", of(&format!("-{size}\r\n{body}\r\n0\r\n\r\n")), &[400], false),
        ("a plus", of(&format!("+{size}\r\n{body}\r\n0\r\n\r\n")), &[400], false),
        ("0x", of(&format!("0x{size}\r\n{body}\r\n0\r\n\r\n")), &[400], false),
        ("a letter", of(&format!("x\r\n{body}\r\n0\r\n\r\n")), &[400], false),
        ("more than the size", of(&format!("1\r\n{body}\r\n0\r\n\r\n")), &[400], false),
        ("no size", of(&format!("\r\n{body}\r\n0\r\n\r\n")), &[400], false),
        ("more than 64 bits", of(&format!("fffffffffffffffff\r\n{body}\r\n0\r\n\r\n")), &[400], false),
        ("no end of a chunk", of(&format!("{size}\r\n{body}0\r\n\r\n")), &[400], false),
    ])
    .await;
}

#[tokio::test]
async fn a_head_has_one_form() {
    let of = |lines: &str| format!("GET {DOWNLOAD} HTTP/1.1\r\nhost: broker\r\n@\r\n{lines}\r\n");
    let first = |line: &str| format!("{line}\r\nhost: broker\r\n@\r\n\r\n");
    assert_outcomes(vec![
        ("as usual", of(""), &[200], true),
        // A server may read it so (RFC 9112 section 2.2).
        ("a bare LF", of("x-a: b\n"), &[200], true),
        ("a bare LF in the first line", first(&format!("GET {DOWNLOAD} HTTP/1.1\nx-a: b")), &[200], true),
        ("a folded line", of("x-a: b\r\n c\r\n"), &[400], false),
        ("a folded line with a tab", of("x-a: b\r\n\tc: d\r\n"), &[400], false),
        ("a folded first line", format!("GET {DOWNLOAD} HTTP/1.1\r\n host: broker\r\n@\r\n\r\n"), &[400], false),
        ("a space before the colon", of("x-a : b\r\n"), &[400], false),
        ("a length with one", of("content-length : 5\r\n"), &[400], false),
        ("a tab before the colon", of("x-a\t: b\r\n"), &[400], false),
        ("no colon", of("x-a\r\n"), &[400], false),
        ("no name", of(": b\r\n"), &[400], false),
        ("a bare CR", of("x-a: b\rx-c: d\r\n"), &[400], false),
        ("a NUL in a value", of("x-a: b\0c\r\n"), &[400], false),
        ("a NUL in a name", of("x\0a: b\r\n"), &[400], false),
        ("a control character", of("x-a: b\x01\r\n"), &[400], false),
        ("HTTP/2.0", first(&format!("GET {DOWNLOAD} HTTP/2.0")), &[400], false),
        ("HTTP/1.2", first(&format!("GET {DOWNLOAD} HTTP/1.2")), &[400], false),
        ("HTTP/0.9", first(&format!("GET {DOWNLOAD} HTTP/0.9")), &[400], false),
        ("a version in lower case", first(&format!("GET {DOWNLOAD} http/1.1")), &[400], false),
        ("no version", first(&format!("GET {DOWNLOAD}")), &[400], false),
        ("more after the version", first(&format!("GET {DOWNLOAD} HTTP/1.1 x")), &[400], false),
        ("a tab in the first line", first(&format!("GET\t{DOWNLOAD} HTTP/1.1")), &[], false),
        ("a method in lower case", first(&format!("get {DOWNLOAD} HTTP/1.1")), &[405], true),
        ("an unknown method", first(&format!("FETCH {DOWNLOAD} HTTP/1.1")), &[405], true),
        ("an empty line first", format!("\r\nGET {DOWNLOAD} HTTP/1.1\r\nhost: broker\r\n@\r\n\r\n"), &[200], true),
        ("TRACE", first(&format!("TRACE {DOWNLOAD} HTTP/1.1")), &[405], true),
        ("CONNECT with a path", first(&format!("CONNECT {DOWNLOAD} HTTP/1.1")), &[405], true),
    ])
    .await;
}

#[tokio::test]
async fn a_target_is_compared_byte_for_byte() {
    let of = |target: &str| format!("GET {target} HTTP/1.1\r\nhost: broker\r\n@\r\n\r\n");
    assert_outcomes(vec![
        ("as listed", of(DOWNLOAD), &[200], true),
        ("a fragment", of(&format!("{DOWNLOAD}#x")), &[200], true),
        ("no slash", of("openapi.json"), &[400], true),
        ("two slashes", of("//openapi.json"), &[404], true),
        ("a slash at the end", of("/openapi.json/"), &[404], true),
        ("capitals", of("/OpenApi.json"), &[404], true),
        ("dots", of("/x/../openapi.json"), &[404], true),
        ("an escape", of("/openapi%2ejson"), &[404], true),
        ("an asterisk", of("*"), &[404], true),
        ("bytes above 127", of("/v1/é"), &[404], true),
        ("a tab", of("/v1/\t"), &[400], false),
        ("a space", of("/v1/ x"), &[400], false),
        ("a NUL", of("/v1/\0"), &[400], false),
    ])
    .await;
}

#[tokio::test]
async fn no_other_protocol_is_switched_to() {
    let of = |lines: &str| format!("GET {DOWNLOAD} HTTP/1.1\r\nhost: broker\r\n@\r\n{lines}\r\n");
    assert_outcomes(vec![
        (
            "h2c",
            of("connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n"),
            &[200],
            true,
        ),
        ("h2c without its header", of("connection: upgrade\r\nupgrade: h2c\r\n"), &[200], true),
        (
            "a web socket",
            of("connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\nsec-websocket-version: 13\r\n"),
            &[200],
            true,
        ),
        ("the preface of HTTP/2 later", of("") + "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[200], false),
    ])
    .await;
}

#[tokio::test]
async fn a_method_is_compared_by_its_letters() {
    let broker = Broker::builder().start().await;
    let mut client = Http1Client::connect(broker.address()).await;
    assert_eq!(client.ask(get(DOWNLOAD, &[&authorization(&broker)])).await.status, 200);
    for method in ["get", "Post", "FETCH", "QUERY"] {
        let request = get(DOWNLOAD, &[&authorization(&broker)]).replacen("GET", method, 1);
        let answer = client.ask(request).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, POST, OPTIONS")), "{method}");
    }
    let traced = client.ask(get(DOWNLOAD, &["authorization: Bearer canary"]).replacen("GET", "TRACE", 1)).await;
    assert!(!String::from_utf8_lossy(&traced.body).contains("canary"), "a request is not sent back");
    drop(client);
    broker.finish().await;
}
