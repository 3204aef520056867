//! JSON over HTTP at real sockets: framing, headers, statuses, limits and listeners.

mod connections;
mod floods;
mod framing;
mod headers;
mod listeners;
mod statuses;

use serde_json::Value;

use crate::support::http1::{Http1Answer, Http1Client};
use crate::support::{Broker, audit_records};

/// A request whose head goes on with these lines, and whose connection ends with it.
fn request(method: &str, target: &str, lines: &str, body: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nhost: broker.example\r\nconnection: close\r\n{lines}\r\n{body}")
}

/// A POST of JSON, whose head goes on with these lines.
fn post(target: &str, lines: &str, body: &str) -> String {
    let length = body.len();
    request("POST", target, &format!("content-type: application/json\r\ncontent-length: {length}\r\n{lines}"), body)
}

/// The answer to a request on a new connection, which must then end.
async fn ask(broker: &Broker, request: impl AsRef<[u8]>) -> Http1Answer {
    let mut client = Http1Client::connect(broker.address()).await;
    let answer = client.ask(request).await;
    assert!(client.answer().await.is_none(), "one answer");
    answer
}

/// The access line of the call with this answer. There must be no second one.
async fn line_of(broker: &Broker, answer: &Http1Answer) -> Value {
    let id = answer.header("x-request-id").unwrap_or_else(|| panic!("no id: {answer:?}"));
    let lines = |log: &crate::support::broker::Log| {
        let lines = log.with_message("call").into_iter();
        lines.filter(|line| line["request_id"] == id).collect::<Vec<_>>()
    };
    broker.log.wait_for("access line", |log| lines(log).into_iter().next()).await;
    let mut lines = lines(&broker.log);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

/// Method, protocol, code and reason of an access line.
fn outcome(line: &Value) -> String {
    let fields = ["method", "protocol", "code", "reason"].map(|name| line[name].as_str().unwrap_or("-"));
    fields.join(" ")
}

/// The audit records so far.
fn records(broker: &Broker) -> Vec<Value> {
    audit_records(&std::fs::read_to_string(broker.setup.path("audit.jsonl")).unwrap())
}
