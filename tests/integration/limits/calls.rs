//! Limits of calls.

use std::sync::Arc;
use std::time::Duration;

use access_broker::broker::{DecisionId, DecisionIds};
use access_broker::grpc::proto::IssueDownloadUrlRequest;
use access_broker::server::Surroundings;
use tokio::time::Instant;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

use super::broker::{Broker, until};
use super::raw::{DOWNLOAD, END_HEADERS, HEADERS, RawClient, frame, header_block};
use crate::faults::surroundings;
use crate::support::{error_info, tcp_channel};

/// A request whose answer waits for S3, which never says a word.
fn slow() -> IssueDownloadUrlRequest {
    IssueDownloadUrlRequest { key: "x".to_owned(), must_exist: true, ..IssueDownloadUrlRequest::default() }
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_answered_with_its_reason() {
    let broker = Broker::start(|config| config.limits.call_timeout = Duration::from_millis(300)).await;
    let begun = Instant::now();
    let answer = broker.client().await.issue_download(slow()).await.unwrap_err();
    assert_eq!((answer.code(), error_info(&answer).reason.as_str()), (Code::DeadlineExceeded, "CALL_TIMED_OUT"));
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(broker.counters().calls.deadlines_exceeded.get(), 1);
}

#[tokio::test]
async fn a_clients_shorter_deadline_wins_and_has_the_same_answer() {
    let broker = Broker::start(|_| ()).await;
    let authorization = broker.authorization();
    let block = header_block(DOWNLOAD, &[("authorization", &authorization), ("grpc-timeout", "50m")]);
    // A client library would give up by itself and hide the answer, so the frames are read.
    let mut client = RawClient::greet(broker.address()).await;
    let begun = Instant::now();
    client.send(&frame(HEADERS, END_HEADERS, 1, &block)).await.unwrap();
    client.wait_for(HEADERS).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "the server's own limit is 15 seconds");
    assert_eq!(broker.counters().calls.deadlines_exceeded.get(), 1);
}

#[tokio::test]
async fn a_call_whose_message_never_comes_ends() {
    let broker = Broker::start(|config| config.limits.call_timeout = Duration::from_millis(200)).await;
    let mut client = RawClient::greet(broker.address()).await;
    for stream in [1, 3, 5] {
        client.open_call(stream, &broker.authorization()).await;
    }
    for _ in 0..3 {
        client.wait_for(HEADERS).await;
    }
    assert_eq!(broker.counters().calls.deadlines_exceeded.get(), 3);
}

#[tokio::test]
async fn calls_too_many_are_shed_and_health_is_not() {
    let broker = Broker::start(|config| {
        config.limits.max_calls_in_flight = 2;
        config.limits.call_timeout = Duration::from_secs(2);
    })
    .await;
    let mut client = RawClient::greet(broker.address()).await;
    // They wait for their messages, behind authentication.
    client.open_call(1, &broker.authorization()).await;
    client.open_call(3, &broker.authorization()).await;
    let ordinary = broker.client().await;
    let counters = broker.counters();
    let refused = loop {
        match ordinary.download("media", "x").await {
            Ok(_) => assert_eq!(counters.calls.deadlines_exceeded.get(), 0, "nothing was shed"),
            Err(status) => break status,
        }
    };
    assert_eq!((refused.code(), error_info(&refused).reason.as_str()), (Code::ResourceExhausted, "OVERLOADED"));
    let wait = refused.get_details_retry_info().unwrap().retry_delay;
    assert_eq!((wait, counters.calls.shed.get()), (Some(Duration::from_secs(1)), 1));

    let mut health = HealthClient::new(tcp_channel(broker.address()).await);
    let answer = health.check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(answer.status(), ServingStatus::Serving);

    // Whoever proves nothing takes no place and learns nothing.
    let unknown = crate::support::Client::connect(broker.address(), &[]).await;
    assert_eq!(unknown.download("media", "x").await.unwrap_err().code(), Code::Unauthenticated);

    drop(client);
    while ordinary.download("media", "x").await.is_err() {
        assert!(counters.calls.shed.get() < 10_000, "places are not given back");
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_exhausts_a_resource() {
    let broker = Broker::start(|_| ()).await;
    let client = broker.client().await;
    let refused = client.download("media", &"x".repeat(70_000)).await.unwrap_err();
    assert_eq!((refused.code(), error_info(&refused).reason.as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
    assert!(refused.get_details_retry_info().is_none(), "another try has the same end");
    assert_eq!(broker.counters().calls.oversized_messages.get(), 1);
    // One that is merely long is told what is wrong with it.
    assert_eq!(client.download("media", &"x".repeat(60_000)).await.unwrap_err().code(), Code::InvalidArgument);
}

#[derive(Debug)]
struct Panicking;

impl DecisionIds for Panicking {
    fn next(&self) -> DecisionId {
        panic!("no id for you")
    }
}

#[tokio::test]
async fn a_panic_costs_one_call_and_not_its_connection() {
    let panicking = Surroundings { decision_ids: Arc::new(Panicking), ..surroundings() };
    let broker = Broker::start_in(panicking, |_| ()).await;
    let client = broker.client().await;
    for panics in 1..=3 {
        let answer = client.download("media", "x").await.unwrap_err();
        assert_eq!((answer.code(), error_info(&answer).reason.as_str()), (Code::Internal, "INTERNAL_FAULT"));
        assert!(!answer.message().contains("no id"), "{answer:?}");
        assert_eq!(broker.counters().calls.panics.get(), panics);
    }
    assert_eq!(broker.counters().connections_accepted.get(), 1);
    let logged = || crate::support::secrets::log().matches("\"reason\":\"panicked\"").count() >= 3;
    until("three lines in the access log", logged).await;
}

#[tokio::test]
async fn a_client_that_gives_up_gives_its_place_back() {
    let broker = Broker::start(|config| config.limits.max_calls_in_flight = 1).await;
    let client = broker.client().await;
    let given_up = tokio::time::timeout(Duration::from_millis(100), client.issue_download(slow())).await;
    assert!(given_up.is_err());
    while client.download("media", "x").await.is_err() {
        assert!(broker.counters().calls.shed.get() < 10_000, "the place is not given back");
    }
}
