//! Requests that arrive byte by byte, and never in full.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{self, Instant};

use super::client::{Answer, Http1Client, get, post_head};
use super::good_caller::{Connection, GoodCaller};
use crate::support::PATIENCE;
use crate::support::attacks::target::Target;

const LIMITS: &str = "handshake_timeout = \"1s\"\nmessage_timeout = \"1s\"";

const CONNECTIONS: usize = 64;

/// Sends `whole` and then `slowly`, byte by byte, again and again. Returns the last answer at the end of the connection.
async fn drip(target: &Target, whole: &[u8], slowly: u8) -> Option<Answer> {
    let mut client = Http1Client::connect(target.plain).await.unwrap();
    client.send(whole).await.unwrap();
    let begun = Instant::now();
    let mut last = None;
    loop {
        assert!(begun.elapsed() < PATIENCE, "the connection is still open");
        let _may_be_closed = client.send(&[slowly]).await;
        match time::timeout(Duration::from_millis(50), client.read_answer()).await {
            Ok(Ok(answer)) => last = Some(answer),
            Ok(Err(_)) => return last,
            Err(_) => {}
        }
    }
}

/// Runs many of these at a time, and returns the statuses of their last answers.
async fn statuses(whole: impl Fn(&Target) -> Vec<u8>, slowly: u8) -> Vec<Option<u16>> {
    let target = std::sync::Arc::new(Target::start(LIMITS).await);
    let mut kept = GoodCaller::start(&target, Connection::Kept).await;
    let mut newcomer = GoodCaller::start(&target, Connection::New).await;
    let mut drips = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (target, whole) = (std::sync::Arc::clone(&target), whole(&target));
        drips.spawn(async move { drip(&target, &whole, slowly).await.map(|answer| answer.status) });
    }
    let statuses = drips.join_all().await;
    kept.answered_again(5).await;
    newcomer.answered_again(5).await;
    kept.stop().await;
    newcomer.stop().await;
    target.until_no_call_is_open().await;
    target.until_connections_are(0).await;
    std::sync::Arc::into_inner(target).unwrap().finish();
    statuses
}

#[tokio::test]
async fn a_slow_head_ends_its_connection() {
    assert_eq!(statuses(|_| b"GET /v1/".to_vec(), b'x').await, vec![None; CONNECTIONS]);
}

#[tokio::test]
async fn a_slow_head_after_an_answered_call_ends_its_connection() {
    assert_eq!(statuses(|target| get(&target.authorization("slow")), b'G').await, vec![Some(200); CONNECTIONS]);
}

#[tokio::test]
async fn a_slow_body_of_a_known_caller_times_out() {
    let head = |target: &Target| post_head(&target.authorization("slow"), 60_000);
    assert_eq!(statuses(head, b' ').await, vec![Some(504); CONNECTIONS]);
}

#[tokio::test]
async fn a_slow_body_without_an_accepted_token_is_refused_at_once() {
    assert_eq!(statuses(|_| post_head("Bearer x", 60_000), b' ').await, vec![Some(401); CONNECTIONS]);
}
