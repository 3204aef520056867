//! The end of HTTP/1 connections: by a stop of the server, by age, without calls, and as the client asks.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{self, Instant};

use super::{DOWNLOAD, DOWNLOAD_JSON, authorization, get, post};
use crate::support::broker::bucket;
use crate::support::http1::Http1Client;
use crate::support::{Broker, Builder, PATIENCE, eventually};

/// An S3 server that answers a HEAD request when the test says so.
struct HeldS3(TcpListener);

impl HeldS3 {
    /// A broker whose bucket is there.
    async fn bind() -> (Self, Builder) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        (Self(listener), Broker::builder().bucket(bucket().set("endpoint", endpoint)))
    }

    async fn answer(&self) {
        let answering = async {
            let (mut stream, _) = self.0.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the request ended");
            }
            let answer = b"HTTP/1.1 200 OK\r\netag: \"x\"\r\ncontent-length: 5\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        };
        time::timeout(PATIENCE, answering).await.expect("a HEAD request");
    }
}

async fn connect(broker: &Broker) -> Http1Client {
    Http1Client::connect(broker.address()).await
}

/// A client whose call was answered, and which keeps its connection.
async fn idle(broker: &Broker) -> Http1Client {
    let mut client = connect(broker).await;
    let answer = client.ask(get(DOWNLOAD, &[&authorization(broker)])).await;
    assert_eq!((answer.status, answer.header("connection")), (200, None), "{answer:?}");
    client
}

/// How much of its message a waiting client has sent.
const BEGUN: usize = 10;

/// A client whose call waits for the rest of its message.
async fn waiting(broker: &Broker) -> Http1Client {
    let mut client = connect(broker).await;
    let request = post("/v1/downloadUrl", &[&authorization(broker)], DOWNLOAD_JSON);
    client.send(&request[..request.len() - DOWNLOAD_JSON.len() + BEGUN]).await.unwrap();
    broker.wait_for_metric("access_broker_streams_open{kind=\"caller\"}", 1).await;
    client
}

/// Sends the rest of the message, which must be answered. Then the connection ends, and says so or was idle.
async fn finish(mut client: Http1Client, announces_close: bool) {
    client.send(&DOWNLOAD_JSON[BEGUN..]).await.unwrap();
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.status, answer.announces_close()), (200, announces_close), "{answer:?}");
    assert!(client.answer().await.is_none());
}

/// A client whose call waits for S3.
async fn in_flight(broker: &Broker) -> Http1Client {
    let mut client = connect(broker).await;
    let message = r#"{"bucket":"media","key":"x","mustExist":true}"#;
    client.send(post("/v1/downloadUrl", &[&authorization(broker)], message)).await.unwrap();
    broker.wait_for_metric("access_broker_calls_in_flight", 1).await;
    client
}

/// Lets S3 answer, so that the call is answered. Then the connection ends, and says so or was idle.
async fn answer(s3: &HeldS3, mut client: Http1Client, announces_close: bool) {
    s3.answer().await;
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.status, answer.announces_close()), (200, announces_close), "{answer:?}");
    assert!(client.answer().await.is_none());
}

#[tokio::test]
async fn a_stop_closes_an_idle_connection_and_lets_calls_finish() {
    let (s3, builder) = HeldS3::bind().await;
    let mut broker = builder.config(|config| config.server.shutdown_grace = PATIENCE).start().await;
    let mut idle = idle(&broker).await;
    let waiting = waiting(&broker).await;
    let mut called = in_flight(&broker).await;
    called.send(get("/behind", &[])).await.unwrap();
    broker.wait_for_open(3).await;
    let stop = tokio::spawn(broker.take_server().stop());
    assert!(idle.answer().await.is_none());
    drop(idle);
    answer(&s3, called, true).await;
    finish(waiting, true).await;
    stop.await.unwrap();
    let counters = broker.counters();
    assert_eq!((counters.connections_open(), counters.connections_cut.get()), (0, 0));
    assert!(!broker.log.text().contains("/behind"), "a request behind a call is not served");
    broker.finish().await;
}

#[tokio::test]
async fn a_stop_cancels_calls_that_outlast_the_grace() {
    const GRACE: Duration = Duration::from_millis(300);
    let mut broker = Broker::builder().silent_s3().config(|config| config.server.shutdown_grace = GRACE).start().await;
    let clients = [waiting(&broker).await, in_flight(&broker).await];
    let begun = Instant::now();
    broker.stop().await;
    assert!((GRACE..Duration::from_secs(10)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    for mut client in clients {
        assert!(client.answer().await.is_none());
    }
    let counters = broker.counters();
    assert_eq!((counters.connections_open(), counters.connections_cut.get()), (0, 2));
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
    for (sent, is_answered) in [
        ("", false),
        ("G", false),
        ("GET ", false),
        ("GET /v1/downloadUrl HTTP/1.1\r\nhost: bro", false),
        (&get(DOWNLOAD, &[&good]), true),
        (&(get(DOWNLOAD, &[&good]) + "GET / HTTP/1.1\r\n"), true),
        // Answered at once, and its body does not come.
        (&get(DOWNLOAD, &["content-length: 5"]), true),
    ] {
        let mut client = Http1Client::connect(broker.address()).await;
        client.send(sent).await.unwrap();
        if is_answered {
            client.answer().await.unwrap();
        }
        clients.push(client);
    }
    broker.wait_for_open(clients.len() as u64).await;
    let begun = Instant::now();
    time::timeout(PATIENCE, broker.take_server().stop()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(broker.counters().connections_cut.get(), 0, "none had a call");
    broker.finish().await;
}

#[tokio::test]
async fn an_old_connection_announces_its_close_and_ends_after_its_call() {
    let (s3, builder) = HeldS3::bind().await;
    let broker = builder
        .config(|config| {
            config.limits.connection_age = Duration::from_secs(1);
            config.limits.message_timeout = PATIENCE;
            config.limits.call_timeout = PATIENCE;
        })
        .start()
        .await;
    let waiting = waiting(&broker).await;
    let called = in_flight(&broker).await;
    let mut idle = idle(&broker).await;
    let counters = broker.counters();
    eventually("three old connections", PATIENCE, async || counters.connections_aged.get() == 3).await;
    let last = idle.ask(get(DOWNLOAD, &[&authorization(&broker)])).await;
    assert_eq!((last.status, last.announces_close()), (200, true), "{last:?}");
    assert!(idle.answer().await.is_none());
    answer(&s3, called, true).await;
    finish(waiting, true).await;
    assert_eq!(counters.connections_cut.get(), 0);
    broker.wait_for_open(0).await;
    broker.finish().await;
}

#[tokio::test]
async fn an_old_connection_never_closes_between_a_request_and_its_answer() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| config.limits.connection_age = Duration::from_millis(100))
        .start()
        .await;
    let request = get(DOWNLOAD, &[&authorization(&broker)]);
    let counters = broker.counters();
    while counters.connections_aged.get() < 20 {
        let mut client = connect(&broker).await;
        // `ask` fails if there is no answer.
        while !client.ask(&request).await.announces_close() {}
        assert!(client.answer().await.is_none());
    }
    broker.finish().await;
}

#[tokio::test]
async fn an_old_connection_without_requests_is_closed() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| {
            config.limits.connection_age = Duration::from_millis(500);
            config.limits.connection_age_grace = Duration::from_secs(1);
        })
        .start()
        .await;
    let mut idle = idle(&broker).await;
    assert!(idle.answer().await.is_none());
    let counters = broker.counters();
    assert_eq!((counters.connections_aged.get(), counters.connections_cut.get()), (1, 0));
    broker.finish().await;
}

#[tokio::test]
async fn answers_announce_the_close_as_soon_as_the_server_drains() {
    let mut broker =
        Broker::builder().silent_s3().config(|config| config.server.drain_delay = Duration::from_secs(3)).start().await;
    let request = get(DOWNLOAD, &[&authorization(&broker)]);
    let mut known = idle(&broker).await;
    let address = broker.address();
    let stop = tokio::spawn(broker.take_server().stop());
    eventually("the server drains", PATIENCE, async || broker.log.text().contains("stopping")).await;
    let mut new = Http1Client::connect(address).await;
    for client in [&mut known, &mut new] {
        let answer = client.ask(&request).await;
        assert_eq!((answer.status, answer.announces_close()), (200, true), "{answer:?}");
        assert!(client.answer().await.is_none());
    }
    stop.await.unwrap();
    broker.finish().await;
}

/// `nc -N` does this.
#[tokio::test]
async fn a_client_that_closes_its_side_during_a_call_cancels_it() {
    let broker = Broker::builder().silent_s3().config(|config| config.limits.call_timeout = PATIENCE).start().await;
    let mut called = in_flight(&broker).await;
    called.finish_sending().await;
    assert!(called.answer().await.is_none());
    broker.wait_for_open(0).await;
    broker.wait_for_metric("access_broker_calls_in_flight", 0).await;
    broker.finish().await;
}

#[tokio::test]
async fn calls_of_an_old_connection_are_cancelled_after_the_grace() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| {
            config.limits.connection_age = Duration::from_millis(500);
            config.limits.connection_age_grace = Duration::from_millis(300);
        })
        .start()
        .await;
    let waiting = waiting(&broker).await;
    let called = in_flight(&broker).await;
    for mut client in [waiting, called] {
        assert!(client.answer().await.is_none());
    }
    let counters = broker.counters();
    eventually("two cut connections", PATIENCE, async || counters.connections_cut.get() == 2).await;
    broker.wait_for_metric("access_broker_streams_open{kind=\"caller\"}", 0).await;
    broker.wait_for_open(0).await;
    broker.finish().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_in_use_is_not() {
    let (s3, builder) = HeldS3::bind().await;
    let broker = builder
        .config(|config| {
            config.limits.connection_idle = Duration::from_millis(500);
            config.limits.message_timeout = PATIENCE;
            config.limits.call_timeout = PATIENCE;
        })
        .start()
        .await;
    let mut waiting = waiting(&broker).await;
    let mut called = in_flight(&broker).await;
    let idle = idle(&broker).await;
    let mut begun = connect(&broker).await;
    begun.send(b"GET /v1/down").await.unwrap();
    // The library has the beginning of the second head already, so the connection is idle, and the head is not late.
    let mut pipelined = connect(&broker).await;
    let request = get(DOWNLOAD, &[&authorization(&broker)]);
    assert_eq!(pipelined.ask(request + "GET /v1/down").await.status, 200);
    for mut client in [idle, begun, pipelined] {
        assert!(client.answer().await.is_none());
    }
    assert_eq!(broker.counters().connections_idle.get(), 3);
    assert!(!waiting.is_closed().await && !called.is_closed().await, "their calls are in progress");
    answer(&s3, called, false).await;
    finish(waiting, false).await;
    broker.finish().await;
}

#[tokio::test]
async fn clients_keep_or_close_connections_by_their_version_and_their_header() {
    let broker = Broker::builder().start().await;
    let good = authorization(&broker);
    for (version, line, is_kept) in [
        ("1.1", "x-a: b", true),
        ("1.1", "connection: close", false),
        ("1.1", "connection: Keep-Alive, Close", false),
        ("1.1", "connection: close\r\nconnection: keep-alive", false),
        ("1.0", "x-a: b", false),
        ("1.0", "connection: keep-alive", true),
    ] {
        let mut client = Http1Client::connect(broker.address()).await;
        let request = get(DOWNLOAD, &[line, &good]).replace("HTTP/1.1", &format!("HTTP/{version}"));
        assert_eq!(client.ask(&request).await.status, 200);
        if is_kept {
            assert_eq!(client.ask(&request).await.status, 200, "{version} {line}");
        } else {
            assert!(client.answer().await.is_none(), "{version} {line}");
        }
    }
    broker.wait_for_open(0).await;
    broker.finish().await;
}
