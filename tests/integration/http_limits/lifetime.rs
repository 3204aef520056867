//! The end of HTTP/1 connections: by a stop of the server, by age, and without calls.

use std::time::Duration;

use super::client::{Http1Client, MESSAGE, get, post_head};
use crate::support::{Broker, PATIENCE, eventually};

async fn connect(broker: &Broker) -> Http1Client {
    Http1Client::connect(broker.address()).await.unwrap()
}

/// A client whose call was answered, and which keeps its connection.
async fn idle(broker: &Broker) -> Http1Client {
    let mut client = connect(broker).await;
    client.send(&get(&broker.authorization())).await.unwrap();
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.status, answer.announces_close()), (200, false), "{answer:?}");
    client
}

/// A client whose call waits for the rest of its message.
async fn waiting(broker: &Broker) -> Http1Client {
    let mut client = connect(broker).await;
    client.send(&post_head(&broker.authorization(), MESSAGE.len())).await.unwrap();
    client.send(&MESSAGE[..10]).await.unwrap();
    broker.wait_for_metric("access_broker_streams_open{kind=\"caller\"}", 1).await;
    client
}

/// Sends the rest of the message, which must be answered, and then the connection ends.
async fn finish_and_leave(client: &mut Http1Client) {
    client.send(&MESSAGE[10..]).await.unwrap();
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.status, answer.announces_close()), (200, true), "{answer:?}");
    client.closed().await;
}

#[tokio::test]
async fn a_stop_closes_idle_connections_and_lets_a_call_finish() {
    let mut broker = Broker::builder().silent_s3().start().await;
    let mut new = connect(&broker).await;
    let mut begun = connect(&broker).await;
    begun.send(b"GET /v1/down").await.unwrap();
    let mut idle = idle(&broker).await;
    let mut waiting = waiting(&broker).await;
    broker.wait_for_open(4).await;
    let counters = broker.counters();
    let server = broker.take_server();
    let stop = tokio::spawn(server.stop());
    for client in [&mut idle, &mut new, &mut begun] {
        client.closed().await;
    }
    finish_and_leave(&mut waiting).await;
    stop.await.unwrap();
    assert_eq!((counters.connections_open(), counters.connections_cut.get()), (0, 0));
    broker.finish().await;
}

#[tokio::test]
async fn a_stop_cancels_a_call_that_outlasts_the_grace() {
    let mut broker = Broker::builder().silent_s3().setting("server", "shutdown_grace", "1s").start().await;
    let mut waiting = waiting(&broker).await;
    let counters = broker.counters();
    broker.stop().await;
    waiting.closed().await;
    assert_eq!((counters.connections_open(), counters.connections_cut.get()), (0, 1));
    broker.finish().await;
}

#[tokio::test]
async fn an_old_connection_announces_its_close_and_ends_after_its_call() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| {
            config.limits.connection_age = Duration::from_secs(2);
            config.limits.message_timeout = PATIENCE;
            config.limits.call_timeout = PATIENCE;
        })
        .start()
        .await;
    let mut idle = idle(&broker).await;
    let mut waiting = waiting(&broker).await;
    idle.closed().await;
    let counters = broker.counters();
    eventually("two old connections", PATIENCE, async || counters.connections_aged.get() == 2).await;
    finish_and_leave(&mut waiting).await;
    assert_eq!(counters.connections_cut.get(), 0);
    broker.wait_for_open(0).await;
    broker.finish().await;
}

#[tokio::test]
async fn a_call_of_an_old_connection_is_cancelled_after_the_grace() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| {
            config.limits.connection_age = Duration::from_millis(200);
            config.limits.connection_age_grace = Duration::from_millis(300);
        })
        .start()
        .await;
    let mut waiting = waiting(&broker).await;
    waiting.closed().await;
    let counters = broker.counters();
    eventually("a cut connection", PATIENCE, async || counters.connections_cut.get() == 1).await;
    broker.wait_for_metric("access_broker_streams_open{kind=\"caller\"}", 0).await;
    broker.wait_for_open(0).await;
    broker.finish().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_in_use_is_not() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| {
            config.limits.connection_idle = Duration::from_secs(1);
            config.limits.message_timeout = PATIENCE;
            config.limits.call_timeout = PATIENCE;
        })
        .start()
        .await;
    let mut waiting = waiting(&broker).await;
    let mut idle = idle(&broker).await;
    let mut new = connect(&broker).await;
    new.send(b"GET /v1/down").await.unwrap();
    idle.closed().await;
    new.closed().await;
    assert_eq!(broker.counters().connections_idle.get(), 2);
    assert!(!waiting.is_closed(), "its call is in progress");
    waiting.send(&MESSAGE[10..]).await.unwrap();
    assert_eq!(waiting.answer().await.unwrap().status, 200);
    broker.finish().await;
}

/// A client may ask for the end itself, and HTTP/1.0 has no connections that are kept.
#[tokio::test]
async fn a_client_that_asks_for_the_close_is_answered_and_closed() {
    let broker = Broker::builder().silent_s3().start().await;
    let request = String::from_utf8(get(&broker.authorization())).unwrap();
    for request in [
        request.replace("host: broker\r\n", "host: broker\r\nconnection: close\r\n"),
        request.replace("HTTP/1.1", "HTTP/1.0"),
    ] {
        let mut client = connect(&broker).await;
        client.send(request.as_bytes()).await.unwrap();
        let answer = client.answer().await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        client.closed().await;
    }
    broker.wait_for_open(0).await;
    broker.finish().await;
}
