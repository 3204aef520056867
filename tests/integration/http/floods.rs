//! Clients of HTTP/1 that send more than their share.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time;

use super::{ask, post};
use crate::support::http1::Http1Client;
use crate::support::{Broker, PATIENCE};

const MESSAGE: &str = "{\"key\": \"x\"}";

/// A request without a valid token that leaves its connection open.
const UNAUTHENTICATED: &str = "POST /v1/downloadUrl HTTP/1.1\r\nhost: broker.example\r\n\
                               content-type: application/json\r\nauthorization: Bearer x\r\n\
                               content-length: 12\r\n\r\n{\"key\": \"x\"}";

/// A broker with room for few calls without a valid token.
async fn start() -> Broker {
    Broker::builder()
        .config(|config| {
            config.limits.max_unproven_streams = 4;
            config.limits.max_unproven_streams_per_connection = 2;
        })
        .start()
        .await
}

/// A caller with a token is served, by either protocol.
async fn assert_serves(broker: &Broker) {
    broker.assert_serves().await;
    let token = format!("authorization: {}\r\n", broker.authorization());
    let answer = time::timeout(PATIENCE, ask(broker, post("/v1/downloadUrl", &token, MESSAGE))).await;
    assert_eq!(answer.expect("a call is answered").status, 200);
}

#[tokio::test]
async fn a_flood_that_reads_its_answers_gets_401_or_a_refusal() {
    let broker = start().await;
    let address = broker.address();
    let mut flood = JoinSet::new();
    for _ in 0..20 {
        flood.spawn(async move {
            let mut client = Http1Client::connect(address).await;
            let mut statuses = Vec::new();
            for _ in 0..50 {
                client.send(UNAUTHENTICATED).await;
                // A displaced call has no answer.
                let Some(answer) = client.answer().await else { break };
                statuses.push(answer.status);
            }
            statuses
        });
    }
    assert_serves(&broker).await;
    let statuses = flood.join_all().await.concat();
    assert!(statuses.contains(&401));
    assert!(statuses.iter().all(|status| [401, 503].contains(status)), "{statuses:?}");
    assert_serves(&broker).await;
    broker.finish().await;
}

#[tokio::test]
async fn a_flood_that_reads_nothing_does_not_keep_callers_out() {
    let broker = start().await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = Http1Client::connect(broker.address()).await;
        // So many answers that the connection takes no more.
        let sent = time::timeout(Duration::from_secs(1), client.send(UNAUTHENTICATED.repeat(30_000))).await;
        clients.push((client, sent.is_ok()));
    }
    assert_serves(&broker).await;
    assert!(clients.iter().any(|(_, was_taken)| !was_taken), "some answers are unread");
    drop(clients);
    broker.wait_for_open(0).await;
    broker.finish().await;
}

#[tokio::test]
async fn bodies_that_never_come_hold_no_slot_of_a_caller() {
    let broker = start().await;
    let head = UNAUTHENTICATED.strip_suffix(MESSAGE).unwrap();
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = Http1Client::connect(broker.address()).await;
        client.send(head).await;
        clients.push(client);
    }
    for client in &mut clients {
        let status = client.answer().await.map(|answer| answer.status);
        assert!([None, Some(401), Some(503)].contains(&status), "{status:?}");
    }
    assert_serves(&broker).await;
    drop(clients);
    broker.wait_for_open(0).await;
    broker.finish().await;
}

#[tokio::test]
async fn half_a_head_ends_with_a_time_limit() {
    let begun = "POST /v1/downloadUrl HTTP/1.1\r\nhost: broker";
    // The library has the beginning of a pipelined head already, so it counts as an idle connection.
    let pipelined = format!("{UNAUTHENTICATED}{begun}");
    for (sent, handshake, idle, expected) in [(begun, 1, 300, &[][..]), (&pipelined, 300, 1, &[401])] {
        let broker = Broker::builder()
            .config(move |config| {
                config.limits.handshake_timeout = Duration::from_secs(handshake);
                config.limits.connection_idle = Duration::from_secs(idle);
            })
            .start()
            .await;
        let mut client = Http1Client::connect(broker.address()).await;
        client.send(sent).await;
        let answers = time::timeout(PATIENCE, client.answers_to_the_end()).await.expect("the connection ends");
        assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), expected, "{sent}");
        assert_serves(&broker).await;
        broker.finish().await;
    }
}
