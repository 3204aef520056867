//! The end of connections over HTTP/1: by the stop, by their age, and without calls.

use std::time::Duration;

use tokio::time::{self, Instant};

use super::{DOWNLOAD, authorization, get, post};
use crate::support::raw_http1::Http1Client;
use crate::support::{Broker, PATIENCE};

/// A call whose answer waits for S3, which never answers.
fn slow(broker: &Broker) -> String {
    post("/v1/downloadUrl", &[&authorization(broker)], r#"{"bucket":"media","key":"x","mustExist":true}"#)
}

async fn in_flight(broker: &Broker) -> Http1Client {
    let mut client = Http1Client::connect(broker.address()).await;
    client.send(slow(broker)).await.unwrap();
    broker.wait_for_metric("access_broker_calls_in_flight", 1).await;
    client
}

#[tokio::test]
async fn at_the_stop_an_idle_connection_is_closed_and_a_call_in_flight_ends_well() {
    let mut broker = Broker::builder()
        .silent_s3()
        .config(|config| config.limits.call_timeout = Duration::from_secs(2))
        .start()
        .await;
    let mut idle = Http1Client::connect(broker.address()).await;
    let answer = idle.ask(get(DOWNLOAD, &[&authorization(&broker)])).await;
    assert_eq!((answer.status, answer.header("connection")), (200, None));
    let mut called = in_flight(&broker).await;
    // What was sent behind a call is not served any more.
    called.send(get("/behind", &[])).await.unwrap();
    let stopping = tokio::spawn(broker.take_server().stop());
    let begun = Instant::now();
    assert!(idle.next().await.is_none());
    assert!(begun.elapsed() < Duration::from_secs(2), "the call in flight has not ended");
    let answer = called.next().await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (504, Some("close")), "its own limit ended it");
    assert!(called.next().await.is_none());
    stopping.await.unwrap();
    let counters = broker.counters();
    assert_eq!((counters.calls.deadlines_exceeded.get(), counters.connections_cut.get()), (1, 0));
    assert_eq!(counters.connections_open(), 0);
    assert!(!broker.log.text().contains("/behind"));
    broker.finish().await;
}

#[tokio::test]
async fn at_the_stop_a_call_is_cut_off_after_the_grace() {
    let mut broker = Broker::builder()
        .silent_s3()
        .config(|config| config.server.shutdown_grace = Duration::from_millis(300))
        .start()
        .await;
    let mut called = in_flight(&broker).await;
    let begun = Instant::now();
    broker.take_server().stop().await;
    assert!((Duration::from_millis(300)..Duration::from_secs(10)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert!(called.next().await.is_none());
    let counters = broker.counters();
    assert_eq!((counters.connections_cut.get(), counters.connections_open()), (1, 0));
    broker.finish().await;
}

#[tokio::test]
async fn clients_that_stay_do_not_delay_the_stop() {
    let mut broker = Broker::builder()
        .silent_s3()
        .config(|config| config.server.shutdown_grace = Duration::from_mins(1))
        .start()
        .await;
    let good = authorization(&broker);
    let mut clients = Vec::new();
    for sent in [
        "",
        "G",
        "GET ",
        "GET /v1/downloadUrl HTTP/1.1\r\nhost: bro",
        &get(DOWNLOAD, &[&good]),
        &(get(DOWNLOAD, &[&good]) + "GET / HTTP/1.1\r\n"),
        // Answered at once, and its body does not come.
        &get(DOWNLOAD, &["content-length: 5"]),
    ] {
        let mut client = Http1Client::connect(broker.address()).await;
        client.send(sent).await.unwrap();
        clients.push(client);
    }
    broker.wait_for_open(clients.len() as u64).await;
    time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    time::timeout(PATIENCE, broker.take_server().stop()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(broker.counters().connections_cut.get(), 0, "none had a call");
    broker.finish().await;
}

#[tokio::test]
async fn an_old_connection_is_closed_after_its_call() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| {
            config.limits.connection_age = Duration::from_millis(500);
            config.limits.call_timeout = Duration::from_secs(1);
        })
        .start()
        .await;
    let mut idle = Http1Client::connect(broker.address()).await;
    assert_eq!(idle.ask(get("/openapi.json", &[])).await.status, 200);
    let mut called = in_flight(&broker).await;
    assert!(idle.next().await.is_none());
    let answer = called.next().await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (504, Some("close")));
    assert!(called.next().await.is_none());
    broker.wait_for_open(0).await;
    let counters = broker.counters();
    assert_eq!((counters.connections_aged.get(), counters.connections_cut.get()), (2, 0));
    broker.finish().await;
}

#[tokio::test]
async fn a_call_on_an_old_connection_is_cut_off_after_the_grace() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| {
            config.limits.connection_age = Duration::from_millis(300);
            config.limits.connection_age_grace = Duration::from_millis(300);
        })
        .start()
        .await;
    let mut called = in_flight(&broker).await;
    assert!(called.next().await.is_none());
    broker.wait_for_open(0).await;
    assert_eq!(broker.counters().connections_cut.get(), 1);
    broker.finish().await;
}

#[tokio::test]
async fn a_connection_without_calls_is_closed_and_one_with_a_call_is_not() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| {
            config.limits.connection_idle = Duration::from_millis(300);
            config.limits.call_timeout = Duration::from_secs(2);
        })
        .start()
        .await;
    let mut called = in_flight(&broker).await;
    let mut idle = Http1Client::connect(broker.address()).await;
    assert_eq!(idle.ask(get("/openapi.json", &[])).await.status, 200);
    assert!(idle.next().await.is_none());
    assert_eq!(broker.counters().connections_idle.get(), 1);
    let answer = called.next().await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (504, None), "its connection was not idle");
    assert!(called.next().await.is_none());
    broker.finish().await;
}

#[tokio::test]
async fn clients_keep_or_close_connections_by_their_version_and_their_header() {
    let broker = Broker::builder().start().await;
    for (version, line, is_kept) in [
        ("1.1", "x-a: b", true),
        ("1.1", "connection: close", false),
        ("1.1", "connection: Keep-Alive, Close", false),
        ("1.1", "connection: close\r\nconnection: keep-alive", false),
        ("1.0", "x-a: b", false),
        ("1.0", "connection: keep-alive", true),
    ] {
        let mut client = Http1Client::connect(broker.address()).await;
        let request = get("/openapi.json", &[line]).replace("HTTP/1.1", &format!("HTTP/{version}"));
        assert_eq!(client.ask(&request).await.status, 200);
        let _may_be_closed = client.send(&request).await;
        assert_eq!(client.next().await.is_some(), is_kept, "{version} {line}");
    }
    broker.finish().await;
}
