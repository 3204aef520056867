//! Known callers who take more than their share.

use std::time::Duration;

use access_broker::contract::proto::{IssueDownloadUrlRequest, VerifyUploadRequest};
use tokio::task::JoinSet;
use tokio::time;
use tonic::{Code, Status};

use super::good_caller::{Connection, GoodCaller};
use crate::support::attacks::call::{Call, Kind};
use crate::support::attacks::peer::{Peer, Taking};
use crate::support::attacks::target::Target;
use crate::support::{Client, PATIENCE, error_info};

/// Waits for S3 that never answers, and whose calls must not be ended by their time.
const SLOW: (&str, &str) = ("s3_timeout = \"30s\"", "call_timeout = \"1m\"");

#[tokio::test]
async fn calls_without_their_messages_take_no_places() {
    let target = Target::start("call_timeout = \"1m\"\nmessage_timeout = \"5s\"").await;
    let good = GoodCaller::start(&target, Connection::Kept).await;
    let newcomer = GoodCaller::start(&target, Connection::New).await;
    let call = Call::without_message(Kind::WithToken, &target.authorization("attacker"));
    let mut hogs = Vec::new();
    for _ in 0..4 {
        let mut hog = Peer::connect(target.plain, Taking::Everything).await;
        hog.open(&call, 256).await.unwrap();
        hogs.push(hog);
    }
    good.answered_again(50).await;
    newcomer.answered_again(50).await;
    good.stop().await;
    newcomer.stop().await;
    // Their messages do not come in time, while their connections are open.
    target.until_no_call_is_open().await;
    assert!(hogs.iter().all(|hog| !hog.is_closed()), "a call too slow does not cost its connection");
    target.finish();
}

/// Makes a call so often at once, and gives the statuses of those that were refused. The others wait.
async fn refusals<F>(times: usize, waiting: usize, call: impl Fn(usize) -> F) -> (Vec<Status>, JoinSet<Option<Status>>)
where
    F: Future<Output = Option<Status>> + Send + 'static,
{
    let mut calls = JoinSet::new();
    for number in 0..times {
        calls.spawn(call(number));
    }
    let mut refused = Vec::new();
    while calls.len() > waiting {
        let ended = time::timeout(PATIENCE, calls.join_next()).await;
        let ended = ended.unwrap_or_else(|_| panic!("{} of {times} calls wait, of a hog's {waiting}", calls.len()));
        refused.push(ended.unwrap().unwrap().expect("S3 gives no answer"));
    }
    (refused, calls)
}

async fn asks_for_existing(client: &Client) -> Option<Status> {
    let message = IssueDownloadUrlRequest { key: "x".to_owned(), must_exist: true, ..Default::default() };
    client.issue_download(message).await.err()
}

async fn verifies(client: &Client) -> Option<Status> {
    client.verify_upload(VerifyUploadRequest { key: "x".to_owned(), ..Default::default() }).await.err()
}

macro_rules! one_hog_leaves_places {
    ($($test:ident: $ask:ident;)*) => { $(
        #[tokio::test]
        async fn $test() {
            const PLACES: usize = 64;
            let limits = format!("{}\nmax_calls_in_flight = {PLACES}", SLOW.1);
            let target = Target::start_with(SLOW.0, &limits).await;
            let good = GoodCaller::start(&target, Connection::Kept).await;
            let hog = std::sync::Arc::new(target.client("hog").await);
            let ask = |_| {
                let hog = std::sync::Arc::clone(&hog);
                async move { $ask(&hog).await }
            };
            let (refused, waiting) = refusals(3 * PLACES, PLACES / 2, ask).await;
            for status in refused {
                let reason = error_info(&status).reason;
                assert_eq!((status.code(), reason.as_str()), (Code::ResourceExhausted, "CALLER_OVERLOADED"));
            }
            good.answered_again(20).await;
            good.stop().await;
            // Another caller finds places for calls that are as slow.
            let other = target.client("other").await;
            assert!(time::timeout(Duration::from_secs(1), $ask(&other)).await.is_err(), "it waits for S3");
            drop(waiting);
            target.finish();
        }
    )* };
}

one_hog_leaves_places! {
    one_callers_looks_at_a_slow_s3_leave_places_for_others: asks_for_existing;
    one_callers_verifications_at_a_slow_s3_leave_places_for_others: verifies;
}

#[tokio::test]
async fn when_every_place_is_taken_a_client_is_told_to_try_elsewhere() {
    const PLACES: usize = 4;
    let limits = format!("{}\nmax_calls_in_flight = {PLACES}", SLOW.1);
    let target = Target::start_with(SLOW.0, &limits).await;
    let mut clients = Vec::new();
    for number in 0..3 * PLACES {
        clients.push(std::sync::Arc::new(target.client(&format!("caller-{number}")).await));
    }
    let ask = |number: usize| {
        let client = std::sync::Arc::clone(&clients[number]);
        async move { asks_for_existing(&client).await }
    };
    let (refused, waiting) = refusals(clients.len(), PLACES, ask).await;
    for status in refused {
        let reason = error_info(&status).reason;
        assert_eq!((status.code(), reason.as_str()), (Code::Unavailable, "OVERLOADED"), "{status:?}");
        let pushback = status.metadata().get("grpc-retry-pushback-ms").expect("when to retry").to_str().unwrap();
        assert!(pushback.parse::<i32>().is_ok(), "{pushback}");
    }
    drop(waiting);
    target.finish();
}
