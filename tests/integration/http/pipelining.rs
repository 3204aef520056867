//! Several requests on one connection: their order, and what one request must not take from another.

use std::time::Duration;

use tokio::time::Instant;

use super::{DOWNLOAD, DOWNLOAD_JSON, authorization, get, line_of, logged, post, request};
use crate::support::Broker;
use crate::support::http1::Http1Client;

#[tokio::test]
async fn requests_are_answered_in_order_and_take_nothing_from_another() {
    let broker = Broker::builder().start().await;
    let authorization = authorization(&broker);
    let known = ["x-request-id: first", "connect-timeout-ms: 60000", "origin: https://app.example", &authorization];
    let requests = [
        post("/v1/downloadUrl", &known, DOWNLOAD_JSON),
        get(DOWNLOAD, &[]),
        get("/nothing", &["x-request-id: third"]),
        get(DOWNLOAD, &["x-request-id: fourth", &authorization]),
        post("/v1/downloadUrl", &["x-request-id: fifth"], DOWNLOAD_JSON),
        post("/v1/downloadUrl", &["content-encoding: gzip", &authorization], DOWNLOAD_JSON),
        post("/v1/downloadUrl", &["connection: close", &authorization], DOWNLOAD_JSON),
        post("/v1/downloadUrl", &["x-request-id: behind", &authorization], DOWNLOAD_JSON),
    ];
    let mut client = Http1Client::connect(broker.address()).await;
    client.send(requests.concat()).await.unwrap();
    let answers = client.answers_to_the_end().await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 401, 404, 200, 401, 415, 200]);
    let ids: Vec<_> = answers.iter().map(|answer| answer.header("x-request-id").unwrap()).collect();
    assert_eq!((ids[0], ids[2], ids[3], ids[4]), ("first", "third", "fourth", "fifth"));
    assert_eq!(ids[1].len(), 36, "a new id: {}", ids[1]);
    for (id, subject) in ids.into_iter().zip([Some("somebody"), None, None, Some("somebody"), None]) {
        assert_eq!(line_of(&broker, id).await["subject"].as_str(), subject, "{id}");
    }
    assert_eq!(logged(&broker, &answers[5]).await, "415 IssueDownloadUrl rest UNIMPLEMENTED compressed_message");
    assert_eq!(logged(&broker, &answers[6]).await, "200 IssueDownloadUrl rest OK -");
    assert!(!broker.log.text().contains("behind"), "nothing is read behind `connection: close`");
    drop(client);
    broker.finish().await;
}

#[tokio::test]
async fn trailers_mean_nothing() {
    let broker = Broker::builder().start().await;
    let (good, bad) = (authorization(&broker), "authorization: Bearer other");
    let chunked = |trailer: &str| format!("{:x}\r\n{DOWNLOAD_JSON}\r\n0\r\n{trailer}\r\n\r\n", DOWNLOAD_JSON.len());
    let mut client = Http1Client::connect(broker.address()).await;
    let (several, lengths) =
        (format!("{bad}\r\nhost: other.example"), "content-length: 1\r\ntransfer-encoding: chunked");
    for (line, trailer, status) in [
        ("x-a: b", &*good, 401),
        (&*good, &*several, 200),
        (&*good, lengths, 200),
        (&*good, bad, 200),
        (&*good, &*good, 200),
        (&*good, "content-length: 1", 200),
        (&*good, "transfer-encoding: identity", 200),
        (&*good, "host: other", 200),
        (&*good, "connect-timeout-ms: 0", 200),
    ] {
        let lines = [line, "content-type: application/json", "transfer-encoding: chunked", "trailer: authorization"];
        for lines in [&lines[..], &lines[..3]] {
            let answer = client.ask(request("POST", "/v1/downloadUrl", lines, &chunked(trailer))).await;
            assert_eq!(answer.status, status, "{trailer}");
        }
    }
    drop(client);
    broker.finish().await;
}

#[tokio::test]
async fn the_rest_of_a_refused_request_is_not_read_as_another_request() {
    let broker = Broker::builder().start().await;
    let hidden = get("/hidden", &[]);
    let mut client = Http1Client::connect(broker.address()).await;
    let answer = client.ask(post("/v1/downloadUrl", &[], &hidden)).await;
    assert_eq!(answer.status, 401);
    let answer = client.ask(get("/openapi.json", &[])).await;
    assert_eq!(answer.status, 200);
    assert!(!broker.log.text().contains("hidden"));
    drop(client);
    broker.finish().await;
}

/// A pipeline is no slow head, however long it lasts.
#[tokio::test]
async fn a_pipeline_may_last_longer_than_a_head() {
    const LIMIT: Duration = Duration::from_secs(1);
    let broker = Broker::builder().config(|config| config.limits.handshake_timeout = LIMIT).start().await;
    let mut client = Http1Client::connect(broker.address()).await;
    let pair = [get(DOWNLOAD, &[&authorization(&broker)]), get(DOWNLOAD, &["authorization: Bearer other"])].concat();
    let begun = Instant::now();
    while begun.elapsed() < LIMIT + LIMIT / 4 {
        let mut requests = pair.repeat(8);
        let last = requests.split_off(requests.len() - 10);
        client.send(&requests).await.unwrap();
        for number in 0..15 {
            let answer = client.answer().await.unwrap();
            assert_eq!(answer.status, if number % 2 == 0 { 200 } else { 401 }, "{answer:?}");
        }
        client.send(&last).await.unwrap();
        assert_eq!(client.answer().await.unwrap().status, 401);
    }
    drop(client);
    broker.wait_for_open(0).await;
    broker.finish().await;
}
