//! Limits of calls.

use std::time::Duration;

use access_broker::broker::DecisionId;
use access_broker::contract::proto::IssueDownloadUrlRequest;
use tokio::time::Instant;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

use crate::support::Broker;
use crate::support::raw::{DATA, DOWNLOAD, END_HEADERS, HEADERS, PING, RawClient, frame, header_block};
use crate::support::{PATIENCE, error_info, eventually, tcp_channel};

/// A request whose answer waits for S3, which never says a word.
pub(super) fn slow() -> IssueDownloadUrlRequest {
    IssueDownloadUrlRequest { key: "x".to_owned(), must_exist: true, ..IssueDownloadUrlRequest::default() }
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_answered_with_its_reason() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| config.limits.call_timeout = Duration::from_millis(300))
        .start()
        .await;
    let begun = Instant::now();
    let answer = broker.client().await.issue_download(slow()).await.unwrap_err();
    assert_eq!((answer.code(), error_info(&answer).reason.as_str()), (Code::DeadlineExceeded, "CALL_TIMED_OUT"));
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(broker.counters().calls.deadlines_exceeded.get(), 1);
    assert_eq!(broker.counters().calls.client_deadlines_exceeded.get(), 0);
    broker.finish().await;
}

#[tokio::test]
async fn a_clients_shorter_deadline_wins_and_has_the_same_answer() {
    let broker = Broker::builder().silent_s3().start().await;
    let authorization = broker.authorization();
    let block = header_block(DOWNLOAD, &[("authorization", &authorization), ("grpc-timeout", "50m")]);
    // A client library would give up by itself and hide the answer, so the frames are read.
    let mut client = RawClient::greet(broker.address()).await;
    let begun = Instant::now();
    client.send(&frame(HEADERS, END_HEADERS, 1, &block)).await.unwrap();
    client.wait_for(HEADERS).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "the server's own limit is 15 seconds");
    // It says nothing of the server.
    let counters = broker.counters();
    let exceeded = (&counters.calls.client_deadlines_exceeded, &counters.calls.deadlines_exceeded);
    assert_eq!((exceeded.0.get(), exceeded.1.get()), (1, 0));
    broker.finish().await;
}

#[tokio::test]
async fn a_call_whose_message_never_comes_ends() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| config.limits.call_timeout = Duration::from_millis(200))
        .start()
        .await;
    let mut client = RawClient::greet(broker.address()).await;
    for stream in [1, 3, 5] {
        client.open_call(stream, &broker.authorization()).await;
    }
    for _ in 0..3 {
        client.wait_for(HEADERS).await;
    }
    assert_eq!(broker.counters().calls.deadlines_exceeded.get(), 3);
    broker.finish().await;
}

#[tokio::test]
async fn calls_too_many_are_shed_and_health_is_not() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| {
            config.limits.max_calls_in_flight = 2;
            config.limits.call_timeout = Duration::from_secs(10);
        })
        .start()
        .await;
    let counters = broker.counters();
    // Two callers, each with a call that waits for S3, take both places.
    let (one, other) = (broker.client().await, broker.client_of("another").await);
    let waiting =
        [broker.client().await, other].map(|client| tokio::spawn(async move { client.issue_download(slow()).await }));
    broker.wait_for_metric("access_broker_calls_in_flight", 2).await;

    // A third one finds nothing, and goes elsewhere.
    let refused = broker.client_of("third").await.download("media", "x").await.unwrap_err();
    assert_eq!((refused.code(), error_info(&refused).reason.as_str()), (Code::Unavailable, "OVERLOADED"));
    let wait = refused.get_details_retry_info().unwrap().retry_delay;
    assert_eq!((wait, counters.calls.shed.get()), (Some(Duration::from_secs(1)), 1));
    assert_eq!(refused.metadata().get("grpc-retry-pushback-ms").unwrap(), "1000");
    // The first one has its share.
    let refused = one.download("media", "x").await.unwrap_err();
    assert_eq!((refused.code(), error_info(&refused).reason.as_str()), (Code::ResourceExhausted, "CALLER_OVERLOADED"));
    let wait = refused.get_details_retry_info().unwrap().retry_delay;
    assert_eq!((wait, counters.calls.over_share.get()), (Some(Duration::from_secs(1)), 1));
    assert!(refused.metadata().get("grpc-retry-pushback-ms").is_none());

    let mut health = HealthClient::new(tcp_channel(broker.address()).await);
    let answer = health.check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(answer.status(), ServingStatus::Serving);

    // A peer without a proof takes no place and learns nothing.
    let unknown = crate::support::Client::connect(broker.address(), &[]).await;
    assert_eq!(unknown.download("media", "x").await.unwrap_err().code(), Code::Unauthenticated);

    for waiting in waiting {
        waiting.abort();
    }
    broker.wait_for_metric("access_broker_calls_in_flight", 0).await;
    one.download("media", "x").await.unwrap();
    broker.finish().await;
}

#[tokio::test]
async fn calls_without_their_messages_take_no_place_and_end_soon() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| {
            config.limits.max_calls_in_flight = 2;
            config.limits.message_timeout = Duration::from_secs(1);
        })
        .start()
        .await;
    let mut client = RawClient::greet(broker.address()).await;
    for stream in 0..50 {
        client.open_call(2 * stream + 1, &broker.authorization()).await;
    }
    broker.wait_for_metric("access_broker_streams_open{kind=\"caller\"}", 50).await;
    broker.client_of("another").await.download("media", "x").await.unwrap();
    broker.client().await.download("media", "x").await.unwrap();
    for _ in 0..50 {
        client.wait_for(HEADERS).await;
    }
    assert_eq!(broker.counters().calls.message_timeouts.get(), 50);
    broker.wait_for_metric("access_broker_streams_open{kind=\"caller\"}", 0).await;
    broker.finish().await;
}

#[tokio::test]
async fn streams_of_one_caller_leave_room_for_others() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| {
            config.limits.max_streams = 8;
            config.limits.message_timeout = Duration::from_secs(10);
        })
        .start()
        .await;
    let mut hog = RawClient::greet(broker.address()).await;
    for stream in 0..8 {
        hog.open_call(2 * stream + 1, &broker.authorization()).await;
    }
    let counters = broker.counters();
    eventually("half of them are refused", PATIENCE, async || counters.calls.over_share.get() == 4).await;
    broker.client_of("another").await.download("media", "x").await.unwrap();
    drop(hog);
    broker.wait_for_metric("access_broker_streams_open{kind=\"caller\"}", 0).await;
    broker.client().await.download("media", "x").await.unwrap();
    broker.finish().await;
}

#[tokio::test]
async fn a_message_that_is_too_large_exhausts_a_resource() {
    let broker = Broker::builder().silent_s3().start().await;
    let client = broker.client().await;
    let refused = client.download("media", &"x".repeat(70_000)).await.unwrap_err();
    assert_eq!((refused.code(), error_info(&refused).reason.as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
    assert!(refused.get_details_retry_info().is_none(), "a second attempt fails as well");
    assert_eq!(broker.counters().calls.oversized_messages.get(), 1);
    // One that is merely long is told what is wrong with it.
    assert_eq!(client.download("media", &"x".repeat(60_000)).await.unwrap_err().code(), Code::InvalidArgument);
    broker.finish().await;
}

fn no_id() -> DecisionId {
    panic!("no id for you")
}

/// A broker in which every decision panics.
pub(crate) async fn broker_that_panics() -> Broker {
    Broker::builder().silent_s3().options(|options| options.decision_ids = no_id).start().await
}

#[tokio::test]
async fn a_panic_costs_one_call_and_not_its_connection() {
    let broker = broker_that_panics().await;
    let client = broker.client().await;
    for panics in 1..=3 {
        let answer = client.download("media", "x").await.unwrap_err();
        assert_eq!((answer.code(), error_info(&answer).reason.as_str()), (Code::Internal, "INTERNAL_FAULT"));
        assert!(!answer.message().contains("no id"), "{answer:?}");
        assert_eq!(broker.counters().calls.panics.get(), panics);
    }
    assert_eq!(broker.counters().connections_accepted.get(), 1);
    let logged = || broker.log.text().matches("\"reason\":\"panicked\"").count() >= 3;
    eventually("three lines in the access log", PATIENCE, async || logged()).await;
    broker.finish().await;
}

#[tokio::test]
async fn a_client_that_gives_up_gives_its_place_back() {
    let broker = Broker::builder().silent_s3().config(|config| config.limits.max_calls_in_flight = 1).start().await;
    let client = broker.client().await;
    let given_up = tokio::time::timeout(Duration::from_millis(100), client.issue_download(slow())).await;
    assert!(given_up.is_err());
    broker.wait_for_metric("access_broker_calls_in_flight", 0).await;
    client.download("media", "x").await.unwrap();
    broker.finish().await;
}

#[tokio::test]
async fn calls_that_are_refused_before_their_message_arrives_do_not_end_their_connection() {
    let broker = Broker::builder().silent_s3().start().await;
    let mut client = RawClient::greet(broker.address()).await;
    let (refused, message) = (header_block(DOWNLOAD, &[]), frame(DATA, 1, 0, &[0; 5]));
    for round in 0..10 {
        let streams: Vec<u32> = (0..100).map(|number| 2 * (100 * round + number) + 1).collect();
        for stream in &streams {
            client.send(&frame(HEADERS, END_HEADERS, *stream, &refused)).await.unwrap();
        }
        for _ in &streams {
            client.wait_for(HEADERS).await;
        }
        // As a client that has not read the answers yet.
        for stream in &streams {
            let mut message = message.clone();
            message[5..9].copy_from_slice(&stream.to_be_bytes());
            client.send(&message).await.unwrap();
        }
    }
    client.open_call(2_001, &broker.authorization()).await;
    client.send(&frame(PING, 0, 0, &[1; 8])).await.unwrap();
    client.wait_for(PING).await;
    assert_eq!(broker.counters().connections_open(), 1);
    broker.finish().await;
}
