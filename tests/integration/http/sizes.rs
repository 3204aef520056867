//! Heads and bodies that are too large.

use super::{DOWNLOAD, authorization, get, line_of, post, request};
use crate::support::Broker;
use crate::support::http1::Http1Client;

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_and_counted() {
    let broker = Broker::builder().start().await;
    let good = authorization(&broker);
    let fields = |count: usize| {
        // With `host`.
        let lines: Vec<String> = (2..count).map(|number| format!("x-{number}: y")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).chain([&*good]).collect();
        get(DOWNLOAD, &lines)
    };
    let large = format!("x-large: {}", "y".repeat(20 * 1_024));
    let (shorter, long) = ("y".repeat(9_000), "y".repeat(70 * 1_024));
    for (what, request, status) in [
        ("128 fields", fields(128), 200),
        ("129 fields", fields(129), 431),
        ("a path of 9 KB", get(&format!("/{shorter}"), &[&good]), 404),
        ("a large field", get(DOWNLOAD, &[&good, &large]), 431),
        ("a long path", get(&format!("/{long}"), &[&good]), 431),
        ("a long query", get(&format!("{DOWNLOAD}&{long}"), &[&good]), 431),
        ("a long method", get(DOWNLOAD, &[]).replacen("GET", &format!("POST {long}"), 1), 431),
    ] {
        let mut client = Http1Client::connect(broker.address()).await;
        client.send(&request).await.unwrap();
        let answers =
            if status == 431 { client.answers_to_the_end().await } else { vec![client.answer().await.unwrap()] };
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [status], "{what}");
    }
    broker.wait_for_metric("access_broker_calls_ended_by_server_total{cause=\"oversized_metadata\"}", 5).await;
    broker.assert_serves().await;
    broker.finish().await;
}

#[tokio::test]
async fn a_body_that_is_larger_than_the_setting_is_refused() {
    let broker = Broker::builder().config(|config| config.limits.max_message_size = 4 * 1_024).start().await;
    let good = authorization(&broker);
    let body = format!(r#"{{"bucket":"media","key":"{}"}}"#, "x".repeat(5_000));
    let lines = ["content-type: application/json", "transfer-encoding: chunked", "x-request-id: @", &good];
    let chunks: Vec<_> = body
        .as_bytes()
        .chunks(1_000)
        .map(|part| format!("{:x}\r\n{}\r\n", part.len(), str::from_utf8(part).unwrap()))
        .collect();
    let chunks = chunks.concat();
    for (number, form) in [
        post("/v1/downloadUrl", &["x-request-id: @", &good], &body),
        request("POST", "/v1/downloadUrl", &lines, &format!("{chunks}0\r\n\r\n")),
        post("/accessbroker.v1.AccessBrokerService/IssueDownloadUrl", &["x-request-id: @", &good], &body),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("large-{number}");
        let mut client = Http1Client::connect(broker.address()).await;
        let answer = client.ask(form.replace('@', &id)).await;
        // Connect has a status for each code.
        let status = if number == 2 { 429 } else { 413 };
        assert_eq!(answer.status, status, "{answer:?}");
        let line = line_of(&broker, &id).await;
        assert_eq!(
            (line["code"].as_str(), line["reason"].as_str()),
            (Some("RESOURCE_EXHAUSTED"), Some("message_too_large"))
        );
        assert!(answer.header("retry-after").is_none(), "a second attempt fails as well");
    }
    assert_eq!(broker.counters().calls.oversized_messages.get(), 3);
    // The body of an unauthenticated client is not read.
    let answer = Http1Client::connect(broker.address()).await.ask(post("/v1/downloadUrl", &[], &body)).await;
    assert_eq!(answer.status, 401);
    assert_eq!(broker.counters().calls.oversized_messages.get(), 3);
    broker.wait_for_metric("access_broker_request_memory_bytes", 0).await;
    broker.finish().await;
}
