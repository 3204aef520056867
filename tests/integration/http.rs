//! JSON over HTTP over real sockets: what clients send, what attackers send, and how connections end.

mod bodies;
mod browsers;
mod closing;
mod floods;
mod framing;
mod good_caller;
mod hosts;
mod http2;
mod inward_headers;
mod listeners;
mod many_connections;
mod pipelining;
mod presigned_url;
mod sizes;
mod slow_clients;
mod statuses;

use serde_json::Value;

use crate::support::http1::{Http1Answer, Http1Client};
use crate::support::{Broker, PATIENCE, eventually};

/// The path of a download by the contract's annotations, with its query.
const DOWNLOAD: &str = "/v1/downloadUrl?bucket=media&key=x";

/// The body of a POST for the same download.
const DOWNLOAD_JSON: &str = r#"{"bucket":"media","key":"x"}"#;

/// The path of a download by Connect.
const CONNECT: &str = "/accessbroker.v1.AccessBrokerService/IssueDownloadUrl";

/// The headers of every answer of the broker.
const COMMON_HEADERS: [(&str, &str); 4] = [
    ("cache-control", "no-store"),
    ("vary", "Authorization, Origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
];

/// The id of a request that shows whether a connection is open.
const PROBE: &str = "probe";

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

/// The answer to a request on a new connection.
async fn ask(broker: &Broker, request: impl AsRef<[u8]>) -> Http1Answer {
    Http1Client::connect(broker.address()).await.ask(request).await
}

/// Sends a request with an id and a token in the place of `@`. Returns its answers, and whether the connection is open
/// after them. Every answer of the broker has the common headers, and the request has one access line for each.
async fn exchange(broker: &Broker, form: &str, id: &str) -> (Vec<Http1Answer>, bool) {
    let known = format!("x-request-id: {id}\r\n{}\r\n", authorization(broker));
    let mut client = Http1Client::connect(broker.address()).await;
    let _may_be_closed = client.send(form.replace("@\r\n", &known)).await;
    // Sent when the first answer is read, so that it is not part of an ambiguous request.
    let mut answers: Vec<_> = client.answer().await.into_iter().collect();
    let _may_be_closed = client.send(get("/openapi.json", &[&format!("x-request-id: {PROBE}")])).await;
    let is_open = loop {
        match client.answer().await {
            Some(answer) if answer.header("x-request-id") == Some(PROBE) => break true,
            Some(answer) => answers.push(answer),
            None => break false,
        }
    };
    // The library answers what it cannot read, without an id.
    let of_the_broker: Vec<_> = answers.iter().filter(|answer| answer.header("x-request-id").is_some()).collect();
    for answer in &of_the_broker {
        assert_common_headers(answer);
    }
    let expected = of_the_broker.iter().filter(|answer| answer.header("x-request-id") == Some(id)).count();
    let what = format!("{expected} access lines of {id}");
    eventually(&what, PATIENCE, async || lines_of(broker, id).len() == expected).await;
    (answers, is_open)
}

/// The access lines of the calls with this request id, so far.
fn lines_of(broker: &Broker, request_id: &str) -> Vec<Value> {
    let log = broker.log.text();
    // Most lines are of other requests, and to parse them takes long.
    let lines = log.lines().filter(|line| line.contains(request_id));
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let is_line =
        |line: &Value| line["target"] == "access" && line["message"] == "call" && line["request_id"] == request_id;
    lines.filter(is_line).collect()
}

/// The only access line of the call with this request id.
async fn line_of(broker: &Broker, request_id: &str) -> Value {
    let first = async || lines_of(broker, request_id).into_iter().next();
    let line = eventually("the access line", PATIENCE, first).await;
    assert_eq!(lines_of(broker, request_id).len(), 1, "{request_id}");
    line
}

/// Method, protocol, code and reason of an access line.
fn outcome(line: &Value) -> String {
    let fields = ["method", "protocol", "code", "reason"].map(|name| line[name].as_str().unwrap_or("-"));
    fields.join(" ")
}

/// The status of an answer, and the outcome that its access line has.
async fn logged(broker: &Broker, answer: &Http1Answer) -> String {
    let id = answer.header("x-request-id").unwrap_or_else(|| panic!("no id: {answer:?}"));
    format!("{} {}", answer.status, outcome(&line_of(broker, id).await))
}

/// The headers of an answer that is the broker's and not the library's.
fn assert_common_headers(answer: &Http1Answer) {
    for (name, value) in COMMON_HEADERS {
        assert_eq!(answer.header(name), Some(value), "{name}: {answer:?}");
    }
    assert!(answer.header("x-request-id").is_some_and(|id| !id.is_empty()), "{answer:?}");
    for (name, _) in &answer.headers {
        // Fails if it is repeated.
        answer.header(name);
    }
}
