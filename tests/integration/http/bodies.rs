//! Bodies that come late or never: whom the broker waits for, and for how long.

use std::time::Duration;

use access_broker::config::Config;
use tokio::time::Instant;

use super::{DOWNLOAD, DOWNLOAD_JSON, ask, authorization, get, line_of, request};
use crate::support::Broker;
use crate::support::http1::Http1Client;

/// Longer than a test waits for an answer.
const NEVER: Duration = Duration::from_mins(5);

async fn start(change: impl FnOnce(&mut Config) + 'static) -> Broker {
    Broker::builder().silent_s3().config(change).start().await
}

/// The head of a POST whose body does not follow.
fn head(id: &str, lines: &[&str]) -> String {
    let id = format!("x-request-id: {id}");
    let lines = [&["content-type: application/json", "content-length: 1000", &id], lines].concat();
    request("POST", "/v1/downloadUrl", &lines, "")
}

#[tokio::test]
async fn what_is_refused_by_its_head_is_answered_before_its_body() {
    let broker = start(|config| {
        config.limits.message_timeout = NEVER;
        config.limits.call_timeout = NEVER;
    })
    .await;
    let good = authorization(&broker);
    let length = "content-length: 1000";
    for (number, (status, request)) in [
        (401, head("@", &[])),
        (401, head("@", &["authorization: Bearer other"])),
        (401, head("@", &["authorization: Basic YTpi"])),
        (401, head("@", &[&good, &good])),
        (401, head("@", &[&good, "authorization: Bearer other"])),
        (401, request("GET", DOWNLOAD, &[length, "x-request-id: @"], "")),
        (
            401,
            request(
                "POST",
                "/v1/downloadUrl",
                &["content-type: application/json", "transfer-encoding: chunked", "x-request-id: @"],
                "",
            ),
        ),
        (404, request("POST", "/nothing", &[length, "x-request-id: @", &good], "")),
        (405, request("PUT", DOWNLOAD, &[length, "x-request-id: @", &good], "")),
        (415, request("POST", "/v1/uploadUrl", &[length, "x-request-id: @", &good], "")),
        (406, head("@", &["accept: text/html", &good])),
        (415, head("@", &["content-encoding: gzip", &good])),
        (400, head("@", &["connect-timeout-ms: soon", &good])),
        (200, request("GET", "/openapi.json", &[length, "x-request-id: @"], "")),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("early-{number}");
        let answer = ask(&broker, request.replace('@', &id)).await;
        assert_eq!((answer.status, answer.header("x-request-id")), (status, Some(&*id)), "{request}");
        let line = line_of(&broker, &id).await;
        assert_eq!(line["code"] == "UNAUTHENTICATED", status == 401, "{line}");
    }
    broker.wait_for_open(0).await;
    broker.finish().await;
}

#[tokio::test]
async fn a_body_of_a_known_caller_has_a_time_limit() {
    const LIMIT: Duration = Duration::from_millis(150);
    let broker = start(|config| {
        config.limits.message_timeout = LIMIT;
        config.limits.call_timeout = NEVER;
    })
    .await;
    let good = authorization(&broker);
    let chunked = ["content-type: application/json", "transfer-encoding: chunked", "x-request-id: @", &good];
    let forms = [
        head("@", &[&good]),
        head("@", &[&good]) + r#"{"bucket":"#,
        request("POST", "/v1/downloadUrl", &chunked, ""),
        request("POST", "/v1/downloadUrl", &chunked, "5\r\n{\"buc"),
        request("GET", DOWNLOAD, &["content-length: 1", "x-request-id: @", &good], ""),
    ];
    let count = forms.len() as u64;
    for (number, form) in forms.into_iter().enumerate() {
        let id = format!("late-{number}");
        let begun = Instant::now();
        let mut client = Http1Client::connect(broker.address()).await;
        let answer = client.ask(form.replace('@', &id)).await;
        assert!(begun.elapsed() >= LIMIT);
        assert_eq!((answer.status, &*answer.reason()), (504, "CALL_TIMED_OUT"), "{form}: {answer:?}");
        assert!(client.answer().await.is_none(), "the connection ends, because the body is missing");
        let line = line_of(&broker, &id).await;
        assert_eq!(
            (line["code"].as_str(), line["reason"].as_str()),
            (Some("DEADLINE_EXCEEDED"), Some("message_timed_out"))
        );
        assert_eq!(line["subject"], "somebody");
    }
    assert_eq!(broker.counters().calls.message_timeouts.get(), count);
    broker.wait_for_open(0).await;
    broker.finish().await;
}

#[tokio::test]
async fn a_clients_deadline_and_the_brokers_own_end_a_call() {
    let broker = start(|config| {
        config.limits.message_timeout = NEVER;
        config.limits.call_timeout = Duration::from_millis(500);
    })
    .await;
    let good = authorization(&broker);
    let counters = broker.counters();
    for (number, (line, by_client)) in
        [("connect-timeout-ms: 50", true), ("connect-timeout-ms: 0", true), ("connect-timeout-ms: 9999999999", false)]
            .into_iter()
            .enumerate()
    {
        let id = format!("deadline-{number}");
        let before = (counters.calls.client_deadlines_exceeded.get(), counters.calls.deadlines_exceeded.get());
        let answer = ask(&broker, head(&id, &[&good, line])).await;
        assert_eq!(answer.status, 504, "{line}");
        assert_eq!(line_of(&broker, &id).await["reason"], "call_timed_out");
        let after = (counters.calls.client_deadlines_exceeded.get(), counters.calls.deadlines_exceeded.get());
        assert_eq!((after.0 - before.0, after.1 - before.1), (u64::from(by_client), u64::from(!by_client)), "{line}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_client_that_leaves_gives_everything_back() {
    let broker = start(|config| config.limits.message_timeout = NEVER).await;
    for (id, sent) in [("nothing", ""), ("a-part", r#"{"bucket":"#)] {
        let mut client = Http1Client::connect(broker.address()).await;
        client.send(head(id, &[&authorization(&broker)]) + sent).await.unwrap();
        broker.wait_for_metric("access_broker_streams_open{kind=\"caller\"}", 1).await;
        drop(client);
        broker.wait_for_open(0).await;
        broker.wait_for_metric("access_broker_streams_open{kind=\"caller\"}", 0).await;
        assert_eq!(line_of(&broker, id).await["code"], "CANCELLED");
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_body_is_asked_for_when_its_caller_is_known_and_the_connection_ends_with_it() {
    let broker = Broker::builder().start().await;
    let length = format!("content-length: {}", DOWNLOAD_JSON.len());
    let head = |line: &str, expected: &str| {
        let lines = ["content-type: application/json", &length, expected, line];
        request("POST", "/v1/downloadUrl", &lines, "")
    };
    let good = authorization(&broker);
    let mut client = Http1Client::connect(broker.address()).await;
    assert_eq!(client.ask(head(&good, "expect: 100-continue")).await.status, 100);
    let answer = client.ask(DOWNLOAD_JSON).await;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert!(client.answer().await.is_none());

    // Whether its body follows is unknown: what comes next could be read as the body, or as a request.
    for (line, status) in [("authorization: Bearer other", 401), ("x-a: b", 401)] {
        let mut client = Http1Client::connect(broker.address()).await;
        let answer = client.ask(head(line, "Expect: 100-Continue")).await;
        assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{line}");
        let _may_be_closed = client.send(get("/nothing", &[])).await;
        assert!(client.answer().await.is_none());
    }
    // Another expectation is not known, and means nothing.
    let mut client = Http1Client::connect(broker.address()).await;
    client.send(head(&good, "expect: 200-ok") + DOWNLOAD_JSON).await.unwrap();
    assert_eq!(client.answer().await.unwrap().status, 200);
    drop(client);
    broker.finish().await;
}
