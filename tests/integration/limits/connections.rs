//! Limits of connections.

use std::time::Duration;

use tokio::time::{self, Instant};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::calls::slow;
use crate::support::Broker;
use crate::support::raw::{ACK, GOAWAY, HEADERS, PING, RawClient, SETTINGS, frame};
use crate::support::{PATIENCE, eventually, tcp_channel};

#[tokio::test]
async fn a_connection_too_many_is_closed_at_once_and_the_next_one_has_its_place() {
    let broker = Broker::builder().silent_s3().config(|config| config.limits.max_connections = 2).start().await;
    // Each has a call that waits for S3.
    let clients = [broker.client().await, broker.client_of("another").await];
    let [first, second] = clients.map(|client| tokio::spawn(async move { client.issue_download(slow()).await }));
    broker.wait_for_metric("access_broker_calls_in_flight", 2).await;
    let mut third = RawClient::connect(broker.address()).await;
    assert!(third.next().await.is_none(), "closed without a word");
    assert_eq!(broker.counters().connections_refused.get(), 1);
    first.abort();
    broker.wait_for_open(1).await;
    broker.assert_serves().await;
    second.abort();
    broker.finish().await;
}

#[tokio::test]
async fn one_caller_with_all_connections_gives_way_to_another() {
    let broker = Broker::builder().silent_s3().config(|config| config.limits.max_connections = 16).start().await;
    let mut hog = Vec::new();
    for _ in 0..16 {
        let client = broker.client().await;
        client.download("media", "x").await.unwrap();
        hog.push(client);
    }
    for caller in ["one", "two", "three"] {
        broker.client_of(caller).await.download("media", "x").await.unwrap();
    }
    assert_eq!(broker.counters().connections_refused.get(), 0);
    broker.finish().await;
}

#[tokio::test]
async fn idle_connections_without_a_caller_keep_no_caller_out() {
    let broker = Broker::builder().silent_s3().config(|config| config.limits.max_connections = 3).start().await;
    let kept = broker.client().await;
    kept.download("media", "x").await.unwrap();
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(RawClient::greet(broker.address()).await);
    }
    let counters = broker.counters();
    eventually("the oldest ones gave way", PATIENCE, async || counters.connections_displaced.get() == 18).await;
    broker.assert_serves().await;
    kept.download("media", "x").await.unwrap();
    assert_eq!((counters.connections_displaced.get(), counters.connections_refused.get()), (19, 0));
    for mut displaced in idle.into_iter().take(18) {
        displaced.frames_to_the_end().await;
    }
    broker.finish().await;
}

#[tokio::test]
async fn unproven_connections_have_a_limit_of_their_own() {
    let broker =
        Broker::builder().silent_s3().config(|config| config.limits.max_unproven_connections = 1).start().await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        let client = broker.client().await;
        client.download("media", "x").await.unwrap();
        clients.push(client);
    }
    let mut watch = HealthClient::new(tcp_channel(broker.address()).await);
    let mut open = watch.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    open.message().await.unwrap().unwrap();
    let _next = RawClient::greet(broker.address()).await;
    let ended = time::timeout(PATIENCE, open.message()).await.expect("a watcher gives way");
    assert!(ended.is_err(), "{ended:?}");
    for client in clients {
        client.download("media", "x").await.unwrap();
    }
    broker.finish().await;
}

#[tokio::test]
async fn an_old_connection_is_told_to_leave_and_its_call_in_flight_ends_well() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| {
            config.limits.connection_age = Duration::from_millis(300);
            config.limits.call_timeout = Duration::from_secs(1);
        })
        .start()
        .await;
    let mut client = RawClient::greet(broker.address()).await;
    client.open_call(1, &broker.authorization()).await;
    // First the warning, and the answer of the call after it.
    assert_eq!(client.wait_for(GOAWAY).await.goaway_code(), Some(0));
    let ping = client.wait_for(PING).await;
    client.send(&frame(PING, ACK, 0, &ping.payload)).await.unwrap();
    client.wait_for(HEADERS).await;
    client.frames_to_the_end().await;
    let counters = broker.counters();
    assert_eq!((counters.connections_aged.get(), counters.connections_cut.get()), (1, 0));
    broker.wait_for_open(0).await;
    broker.finish().await;
}

#[tokio::test]
async fn calls_of_an_old_connection_are_cut_off_after_the_grace() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| {
            config.limits.connection_age = Duration::from_millis(200);
            config.limits.connection_age_grace = Duration::from_millis(300);
        })
        .start()
        .await;
    let mut watch = HealthClient::new(tcp_channel(broker.address()).await);
    let mut stream = watch.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    let ended = time::timeout(PATIENCE, stream.message()).await.expect("the stream ends");
    assert!(ended.is_err(), "{ended:?}");
    eventually("a cut connection", PATIENCE, async || broker.counters().connections_cut.get() == 1).await;
    // The same client is served on: by another connection, which it opens by itself.
    watch.check(HealthCheckRequest::default()).await.unwrap();
    broker.finish().await;
}

#[tokio::test]
async fn an_old_connection_whose_client_is_deaf_is_closed() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| config.limits.connection_age = Duration::from_millis(100))
        .start()
        .await;
    let mut deaf = RawClient::greet(broker.address()).await;
    let begun = Instant::now();
    // It never answers the ping that goes with the GOAWAY.
    deaf.frames_to_the_end().await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}: the grace is a minute", begun.elapsed());
    broker.wait_for_open(0).await;
    broker.finish().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_that_watches_health_is_not() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| config.limits.connection_idle = Duration::from_millis(300))
        .start()
        .await;
    let mut watch = HealthClient::new(tcp_channel(broker.address()).await);
    let mut stream = watch.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    broker.assert_serves().await;
    let mut silent = RawClient::greet(broker.address()).await;
    assert_eq!(silent.wait_for(GOAWAY).await.goaway_code(), Some(0));
    silent.frames_to_the_end().await;
    broker.wait_for_open(1).await;
    assert!(time::timeout(Duration::from_millis(500), stream.message()).await.is_err(), "the stream is open");
    assert_eq!(broker.counters().connections_idle.get(), 1);
    broker.finish().await;
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_closed() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| {
            config.limits.keepalive_interval = Duration::from_millis(200);
            config.limits.keepalive_timeout = Duration::from_millis(200);
        })
        .start()
        .await;
    let mut half_open = RawClient::greet(broker.address()).await;
    half_open.wait_for(PING).await;
    half_open.frames_to_the_end().await;
    broker.wait_for_open(0).await;

    let mut alive = RawClient::greet(broker.address()).await;
    for _ in 0..4 {
        let ping = alive.wait_for(PING).await;
        alive.send(&frame(PING, ACK, 0, &ping.payload)).await.unwrap();
    }
    broker.wait_for_open(1).await;
    broker.finish().await;
}

#[tokio::test]
async fn clients_are_told_how_many_streams_they_may_open_and_more_are_refused() {
    const REFUSED_STREAM: [u8; 4] = [0, 0, 0, 7];
    let broker =
        Broker::builder().silent_s3().config(|config| config.limits.max_streams_per_connection = 2).start().await;
    let mut client = RawClient::greet(broker.address()).await;
    let settings = client.wait_for(SETTINGS).await;
    // SETTINGS_MAX_CONCURRENT_STREAMS is 3.
    assert!(settings.payload.chunks(6).any(|setting| setting == [0, 3, 0, 0, 0, 2]), "{settings:?}");
    client.send(&frame(SETTINGS, ACK, 0, &[])).await.unwrap();
    for stream in [1, 3, 5] {
        client.open_call(stream, &broker.authorization()).await;
    }
    assert_eq!(client.wait_for(crate::support::raw::RST_STREAM).await.payload, REFUSED_STREAM);
    broker.finish().await;
}

#[tokio::test]
async fn metadata_that_is_too_large_costs_its_call_only() {
    let broker = Broker::builder().silent_s3().start().await;
    let client = broker.client().await;
    let large = "x".repeat(20 * 1_024);
    let refused = client.with_metadata([("x-large", large.as_bytes())]).download("media", "x").await.unwrap_err();
    assert_ne!(refused.code(), Code::Ok);
    client.download("media", "x").await.unwrap();
    assert_eq!(broker.counters().connections_accepted.get(), 1);
    broker.finish().await;
}
