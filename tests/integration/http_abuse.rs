//! JSON over HTTP, over real sockets: what clients send, and what attackers send.

mod arrival;
mod browsers;
mod framing;
mod hosts;
mod http2_forms;
mod inward_headers;
mod lifecycle;
mod listeners;
mod pipelining;
mod presigned_url;
mod sizes;
mod slow_forms;
mod statuses;
mod unproven_floods;

use serde_json::Value;

use crate::support::raw_http1::Http1Answer;
use crate::support::{Broker, PATIENCE, eventually};

/// The path of a download by the contract's annotations, with its query.
const DOWNLOAD: &str = "/v1/downloadUrl?bucket=media&key=x";

/// The body of a POST for the same download.
const DOWNLOAD_JSON: &str = r#"{"bucket":"media","key":"x"}"#;

/// What every answer of the broker has.
const COMMON_HEADERS: [(&str, &str); 4] = [
    ("cache-control", "no-store"),
    ("vary", "Authorization, Origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
];

/// A GET request with more header lines.
fn get(target: &str, lines: &[&str]) -> String {
    request("GET", target, lines, "")
}

/// A POST request with a body of JSON and its length.
fn post(target: &str, lines: &[&str], body: &str) -> String {
    let length = format!("content-length: {}", body.len());
    request("POST", target, &[&["content-type: application/json", &length], lines].concat(), body)
}

fn request(method: &str, target: &str, lines: &[&str], body: &str) -> String {
    let lines = lines.iter().flat_map(|line| [*line, "\r\n"]).collect::<String>();
    format!("{method} {target} HTTP/1.1\r\nhost: broker\r\n{lines}\r\n{body}")
}

fn authorization(broker: &Broker) -> String {
    format!("authorization: {}", broker.authorization())
}

/// The access lines of the calls with this request id, so far.
fn lines_of(broker: &Broker, request_id: &str) -> Vec<Value> {
    let lines = broker.log.with_message("call").into_iter();
    lines.filter(|line| line["target"] == "access" && line["request_id"] == request_id).collect()
}

/// The only access line of the call with this request id.
async fn line_of(broker: &Broker, request_id: &str) -> Value {
    let first = async || lines_of(broker, request_id).into_iter().next();
    let line = eventually("the access line", PATIENCE, first).await;
    assert_eq!(lines_of(broker, request_id).len(), 1, "{request_id}");
    line
}

/// The headers of an answer that came from the broker and not from the library.
fn assert_common_headers(answer: &Http1Answer) {
    for (name, value) in COMMON_HEADERS {
        assert_eq!(answer.header(name), Some(value), "{name}: {answer:?}");
    }
    assert!(answer.header("x-request-id").is_some(), "{answer:?}");
}
