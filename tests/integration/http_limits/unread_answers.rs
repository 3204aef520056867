//! Clients that send requests and do not read the answers.

use std::io;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::client::{Http1Client, get};
use super::good_caller::{Connection, GoodCaller};
use crate::support::PATIENCE;
use crate::support::attacks::target::Target;

const CONNECTIONS: usize = 8;

/// What the memory of the process may grow by, in KiB: the buffers of each connection, and as much again for the calls
/// of the good callers.
const GROWTH_KIB: u64 = 64 * 1_024;

/// Sends requests until the server closes the connection. Returns how many bytes the server has accepted.
async fn fill(target: &Target, request: &[u8]) -> usize {
    let mut client = Http1Client::connect_with_small_buffer(target.plain).await.unwrap();
    let begun = Instant::now();
    let mut sent = 0;
    loop {
        assert!(begun.elapsed() < 2 * PATIENCE, "the connection is still open after {sent} bytes");
        match client.send(request).await {
            Ok(()) => sent += request.len(),
            // The buffers are full, and the server will close the connection.
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            Err(_) => return sent,
        }
    }
}

async fn fillers_are_closed(request: impl Fn(&Target) -> Vec<u8>) {
    let target = std::sync::Arc::new(Target::start("delivery_timeout = \"1s\"").await);
    let mut kept = GoodCaller::start(&target, Connection::Kept).await;
    let mut newcomer = GoodCaller::start(&target, Connection::New).await;
    let before = target.resident_kib();
    let mut fillers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        // Many requests at a time, so that few sends fill all buffers.
        let (target, requests) = (std::sync::Arc::clone(&target), request(&target).repeat(64));
        fillers.spawn(async move { fill(&target, &requests).await });
    }
    let sent: usize = fillers.join_all().await.into_iter().sum();
    kept.answered_again(5).await;
    newcomer.answered_again(5).await;
    kept.stop().await;
    newcomer.stop().await;
    let peak = target.peak_kib();
    assert!(peak < before + GROWTH_KIB, "{peak} KiB after {sent} bytes of requests, {before} KiB before");
    target.until_no_call_is_open().await;
    target.until_connections_are(0).await;
    std::sync::Arc::into_inner(target).unwrap().finish();
}

#[tokio::test]
async fn a_known_caller_that_reads_no_answer_loses_its_connection() {
    fillers_are_closed(|target| get(&target.authorization("unread"))).await;
}

#[tokio::test]
async fn a_client_that_reads_no_refusal_loses_its_connection() {
    fillers_are_closed(|_| get("Bearer x")).await;
}

/// Requests that are sent before the former ones are answered are served in their order.
#[tokio::test]
async fn a_pipeline_is_answered_in_order() {
    let target = Target::start("handshake_timeout = \"1s\"").await;
    let mut client = Http1Client::connect(target.plain).await.unwrap();
    let (known, unknown) = (get(&target.authorization("pipeline")), get("Bearer x"));
    let begun = Instant::now();
    // Longer than a head may take.
    while begun.elapsed().as_secs() < 3 {
        let mut requests = [known.clone(), unknown.clone()].concat().repeat(8);
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
    target.until_connections_are(0).await;
    target.finish();
}
