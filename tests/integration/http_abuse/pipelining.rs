//! Several requests on one connection, and parts of requests that come late.

use super::{DOWNLOAD, DOWNLOAD_JSON, authorization, get, line_of, post, request};
use crate::support::Broker;
use crate::support::raw_http1::Http1Client;

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
    ];
    let mut client = Http1Client::connect(broker.address()).await;
    client.send(requests.concat()).await.unwrap();
    let mut answers = Vec::new();
    for _ in &requests {
        answers.push(client.next().await.unwrap());
    }
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 401, 404, 200, 401]);
    let ids: Vec<_> = answers.iter().map(|answer| answer.header("x-request-id").unwrap()).collect();
    assert_eq!((ids[0], ids[2], ids[3], ids[4]), ("first", "third", "fourth", "fifth"));
    assert_eq!(ids[1].len(), 36, "a new id: {}", ids[1]);
    assert_eq!(line_of(&broker, ids[1]).await["subject"].as_str(), None);
    assert_eq!(line_of(&broker, "fourth").await["subject"], "somebody");
    broker.finish().await;
}

#[tokio::test]
async fn trailers_mean_nothing() {
    let broker = Broker::builder().start().await;
    let (good, bad) = (authorization(&broker), "authorization: Bearer other");
    let chunked = |trailer: &str| format!("{:x}\r\n{DOWNLOAD_JSON}\r\n0\r\n{trailer}\r\n\r\n", DOWNLOAD_JSON.len());
    let mut client = Http1Client::connect(broker.address()).await;
    for (line, trailer, status) in [
        ("x-a: b", &*good, 401),
        (&*good, bad, 200),
        (&*good, &*good, 200),
        (&*good, "content-length: 1", 200),
        (&*good, "transfer-encoding: identity", 200),
        (&*good, "host: other", 200),
        (&*good, "connect-timeout-ms: 0", 200),
    ] {
        let lines = [line, "content-type: application/json", "transfer-encoding: chunked", "trailer: authorization"];
        let answer = client.ask(request("POST", "/v1/downloadUrl", &lines, &chunked(trailer))).await;
        assert_eq!(answer.status, status, "{trailer}");
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
    assert!(client.next().await.is_none());

    // Whether its body follows is unknown: what comes next could be read as the body, or as a request.
    for (line, status) in [("authorization: Bearer other", 401), ("x-a: b", 401)] {
        let mut client = Http1Client::connect(broker.address()).await;
        let answer = client.ask(head(line, "Expect: 100-Continue")).await;
        assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{line}");
        let _may_be_closed = client.send(get("/nothing", &[])).await;
        assert!(client.next().await.is_none());
    }
    // Another expectation is not known, and means nothing.
    let mut client = Http1Client::connect(broker.address()).await;
    client.send(head(&good, "expect: 200-ok") + DOWNLOAD_JSON).await.unwrap();
    assert_eq!(client.next().await.unwrap().status, 200);
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
    broker.finish().await;
}
