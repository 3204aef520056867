//! Several requests on one connection of HTTP/1, and requests whose body comes late or never.

use std::time::Duration;

use tokio::time::{self, Instant};

use super::{line_of, outcome};
use crate::support::http1::Http1Client;
use crate::support::{Broker, PATIENCE, eventually};

const MESSAGE: &str = "{\"key\": \"x\"}";

/// A POST that leaves its connection open.
fn post(lines: &str, body: &str) -> String {
    format!(
        "POST /v1/downloadUrl HTTP/1.1\r\nhost: broker.example\r\ncontent-type: application/json\r\n{lines}\r\n{body}"
    )
}

fn authorization(broker: &Broker) -> String {
    format!("authorization: {}\r\n", broker.authorization())
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_inherit_nothing() {
    let broker = Broker::builder().start().await;
    let token = authorization(&broker);
    let length = "content-length: 12\r\n";
    let requests = [
        post(&format!("{token}{length}x-request-id: one\r\nconnect-timeout-ms: 9000\r\n"), MESSAGE),
        post(&format!("{length}x-request-id: two\r\n"), MESSAGE),
        post(&format!("{token}{length}"), MESSAGE),
        post(&format!("{token}{length}content-encoding: gzip\r\norigin: https://app.example\r\n"), MESSAGE),
        post(&format!("{token}{length}connection: close\r\n"), MESSAGE),
        post(&format!("{token}{length}"), MESSAGE),
    ];
    let mut client = Http1Client::connect(broker.address()).await;
    client.send(requests.concat()).await;
    let answers = client.answers_to_the_end().await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 401, 200, 415, 200]);
    assert_eq!(answers[0].header("x-request-id"), Some("one"));
    assert_eq!(answers[1].header("x-request-id"), Some("two"));
    assert!(!["one", "two"].contains(&answers[2].header("x-request-id").unwrap()));
    for answer in &answers {
        line_of(&broker, answer).await;
    }
    assert_eq!(broker.log.calls().len(), 5, "what follows `connection: close` is not read");
    broker.finish().await;
}

#[tokio::test]
async fn trailers_mean_nothing() {
    let broker = Broker::builder().start().await;
    let chunks = |trailers: &str| format!("c\r\n{MESSAGE}\r\n0\r\n{trailers}\r\n");
    let token = authorization(&broker);
    let te = "transfer-encoding: chunked\r\n";
    for (lines, trailers, expected) in [
        (te.to_owned(), token.clone(), 401),
        (format!("{te}trailer: authorization\r\n"), token.clone(), 401),
        (format!("{te}{token}"), token.clone(), 200),
        (format!("{te}{token}"), "authorization: Bearer x\r\nhost: other.example\r\n".to_owned(), 200),
        (format!("{te}{token}"), "content-length: 1\r\ntransfer-encoding: chunked\r\n".to_owned(), 200),
    ] {
        let (answers, is_open) =
            Http1Client::connect(broker.address()).await.ask_and_probe(post(&lines, &chunks(&trailers))).await;
        assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [expected], "{lines} {trailers}");
        assert!(is_open, "{lines} {trailers}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_client_that_expects_100_is_told_to_go_on_only_with_a_valid_token() {
    let broker = Broker::builder().start().await;
    let token = authorization(&broker);
    let expects = "content-length: 12\r\nexpect: 100-continue\r\n";
    let mut client = Http1Client::connect(broker.address()).await;
    client.send(post(&format!("{token}{expects}"), "")).await;
    assert_eq!(client.answer().await.unwrap().status, 100);
    client.send(MESSAGE).await;
    assert_eq!(client.answer().await.unwrap().status, 200);

    let mut client = Http1Client::connect(broker.address()).await;
    client.send(post(expects, "")).await;
    assert_eq!(client.answer().await.unwrap().status, 401, "no 100 before it");
    broker.finish().await;
}

#[tokio::test]
async fn a_caller_is_authenticated_before_the_body_is_read() {
    let broker = Broker::builder()
        .config(|config| {
            config.limits.message_timeout = Duration::from_secs(2);
            config.limits.call_timeout = Duration::from_mins(5);
        })
        .start()
        .await;
    let token = authorization(&broker);
    for length in ["content-length: 12\r\n", "transfer-encoding: chunked\r\n", "content-length: 60000\r\n"] {
        let begun = Instant::now();
        let mut client = Http1Client::connect(broker.address()).await;
        client.send(post(&format!("{length}authorization: Bearer x\r\n"), "")).await;
        let answer = client.answer().await.unwrap();
        assert_eq!(answer.status, 401, "{length}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{length} {:?}", begun.elapsed());
        let line = outcome(&line_of(&broker, &answer).await);
        assert!(line.starts_with("IssueDownloadUrl rest UNAUTHENTICATED "), "{line}");
    }
    for length in ["content-length: 12\r\n", "transfer-encoding: chunked\r\n"] {
        let begun = Instant::now();
        let mut client = Http1Client::connect(broker.address()).await;
        client.send(post(&format!("{token}{length}"), "")).await;
        let answer = client.answer().await.unwrap();
        assert_eq!((answer.status, answer.reason().as_str()), (504, "CALL_TIMED_OUT"), "{length}");
        assert!(begun.elapsed() >= Duration::from_secs(2), "{length} {:?}", begun.elapsed());
        let line = outcome(&line_of(&broker, &answer).await);
        assert!(line.starts_with("IssueDownloadUrl rest DEADLINE_EXCEEDED "), "{line}");
        let end = time::timeout(Duration::from_secs(10), client.answer()).await;
        assert!(end.expect("the connection ends, because the body is missing").is_none(), "{length}");
    }
    broker.wait_for_open(0).await;
    broker.finish().await;
}

#[tokio::test]
async fn a_client_that_leaves_within_its_body_is_cancelled() {
    let broker = Broker::builder().start().await;
    let token = authorization(&broker);
    let mut client = Http1Client::connect(broker.address()).await;
    client.send(post(&format!("{token}content-length: 12\r\nx-request-id: gone\r\n"), "{\"key")).await;
    eventually("the call begins", PATIENCE, async || broker.counters().connections_open() == 1).await;
    drop(client);
    let line = broker.log.wait_for("line", |log| log.calls().into_iter().next()).await;
    assert_eq!((line["code"].as_str(), line["request_id"].as_str()), (Some("CANCELLED"), Some("gone")));
    broker.wait_for_open(0).await;
    broker.finish().await;
}
