//! What clients see of a server that stops.

use std::io;
use std::time::Duration;

use access_broker::telemetry::Traces;
use tokio::net::TcpStream;
use tokio::time::{self, Instant};
use tonic::Code;

use crate::support::Broker;
use crate::support::raw::{ACK, GOAWAY, HEADERS, PING, PREFACE, RawClient, frame};
use crate::support::{Client, PATIENCE, eventually};
use crate::telemetry::collector::Collector;

#[tokio::test]
async fn during_the_delay_everything_is_served_and_readiness_says_no() {
    let mut broker =
        Broker::builder().silent_s3().config(|config| config.server.drain_delay = Duration::from_secs(3)).start().await;
    let (address, admin, authorization) = (broker.address(), broker.server().admin_addr(), broker.authorization());
    let old = broker.client().await;
    let begun = Instant::now();
    let stopping = tokio::spawn(broker.take_server().stop());
    let ready = format!("http://{admin}/readyz");
    let status = async || crate::support::http_get(&ready).await.unwrap().status();
    eventually("the end of readiness", PATIENCE, async || status().await == 503).await;
    old.download("media", "x").await.unwrap();
    let new = Client::connect(address, &[&authorization]).await;
    new.download("media", "x").await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3), "the delay is over too early for this test");
    assert_eq!(crate::support::http_get(&ready).await.unwrap().status(), 503);

    stopping.await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(3));
    assert!(TcpStream::connect(address).await.is_err(), "nothing listens any more");
    broker.finish().await;
}

#[tokio::test]
async fn a_client_is_told_to_leave_and_its_call_in_flight_ends_well() {
    let mut broker = Broker::builder()
        .silent_s3()
        .config(|config| config.limits.call_timeout = Duration::from_secs(1))
        .start()
        .await;
    let mut client = RawClient::greet(broker.address()).await;
    client.open_call(1, &broker.authorization()).await;
    // The answer to a ping shows that the frames before it have been read.
    client.send(&frame(PING, 0, 0, &[1; 8])).await.unwrap();
    client.wait_for(PING).await;
    let stopping = tokio::spawn(broker.take_server().stop());
    assert_eq!(client.wait_for(GOAWAY).await.goaway_code(), Some(0));
    let ping = client.wait_for(PING).await;
    client.send(&frame(PING, ACK, 0, &ping.payload)).await.unwrap();
    // Its deadline ends it, and nothing before.
    client.wait_for(HEADERS).await;
    client.frames_to_the_end().await;
    stopping.await.unwrap();
    let counters = broker.counters();
    assert_eq!((counters.calls.deadlines_exceeded.get(), counters.connections_cut.get()), (1, 0));
    broker.finish().await;
}

#[tokio::test]
async fn nothing_listens_any_more_when_clients_are_told_to_leave() {
    let mut broker = Broker::builder().silent_s3().start().await;
    let address = broker.address();
    let mut client = RawClient::greet(address).await;
    broker.wait_for_open(1).await;
    let stopping = tokio::spawn(broker.take_server().stop());
    client.wait_for(GOAWAY).await;
    // A connection that the system accepts now would be reset, with the calls that were sent on it.
    assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    stopping.await.unwrap();
    broker.finish().await;
}

#[tokio::test]
async fn calls_are_cut_off_after_the_grace() {
    let mut broker = Broker::builder()
        .silent_s3()
        .config(|config| config.server.shutdown_grace = Duration::from_millis(300))
        .start()
        .await;
    let mut client = RawClient::greet(broker.address()).await;
    client.open_call(1, &broker.authorization()).await;
    client.send(&frame(PING, 0, 0, &[1; 8])).await.unwrap();
    client.wait_for(PING).await;
    let begun = Instant::now();
    broker.take_server().stop().await;
    assert!((Duration::from_millis(300)..Duration::from_secs(5)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    let counters = broker.counters();
    assert_eq!((counters.connections_cut.get(), counters.connections_open()), (1, 0));
    client.frames_to_the_end().await;
    broker.finish().await;
}

#[tokio::test]
async fn peers_that_are_gone_without_a_word_hold_nothing_up() {
    let mut broker = Broker::builder()
        .silent_s3()
        .config(|config| config.server.shutdown_grace = Duration::from_mins(1))
        .start()
        .await;
    let _silent = RawClient::connect(broker.address()).await;
    let mut half = RawClient::connect(broker.address()).await;
    half.send(&PREFACE[..10]).await.unwrap();
    // These two answer no ping.
    let _greeted = RawClient::greet(broker.address()).await;
    let _another = RawClient::greet(broker.address()).await;
    broker.wait_for_open(4).await;
    let begun = Instant::now();
    time::timeout(PATIENCE, broker.take_server().stop()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(broker.counters().connections_cut.get(), 0, "none had a call");
    broker.finish().await;
}

#[tokio::test]
async fn the_span_of_a_call_that_ends_during_the_stop_is_sent() {
    let collector = Collector::start();
    let url = collector.url();
    let traces = Traces::from_environment(|name| (name == "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").then(|| url.clone()));
    let mut broker = Broker::builder()
        .silent_s3()
        .options(|options| options.traces = traces.unwrap())
        .config(|config| config.limits.call_timeout = Duration::from_millis(500))
        .start()
        .await;
    let mut client = RawClient::greet(broker.address()).await;
    client.open_call(1, &broker.authorization()).await;
    client.send(&frame(PING, 0, 0, &[1; 8])).await.unwrap();
    client.wait_for(PING).await;
    let counters = broker.counters();
    broker.take_server().stop().await;
    assert_eq!((counters.calls.deadlines_exceeded.get(), counters.connections_open()), (1, 0));
    let spans = collector.spans();
    let calls = spans.iter().filter(|span| span.name == "accessbroker.v1.AccessBrokerService/IssueDownloadUrl");
    assert_eq!(calls.count(), 1, "{spans:#?}");
    broker.finish().await;
}

#[tokio::test]
async fn a_server_that_is_dropped_closes_its_connections() {
    let mut broker = Broker::builder().silent_s3().start().await;
    let client = broker.client().await;
    client.download("media", "x").await.unwrap();
    let counters = broker.counters();
    drop(broker.take_server());
    eventually("no open connections", PATIENCE, async || counters.connections_open() == 0).await;
    // The client may hear of it in the middle of the call.
    let code = client.download("media", "x").await.unwrap_err().code();
    assert!(matches!(code, Code::Unavailable | Code::Cancelled | Code::Unknown), "{code:?}");
    broker.finish().await;
}
