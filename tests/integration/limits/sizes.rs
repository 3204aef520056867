//! Limits of what one call or one connection may bring.

use std::time::Duration;

use tokio::time::Instant;
use tonic::Code;

use crate::support::Broker;
use crate::support::raw::{END_HEADERS, ENHANCE_YOUR_CALM, Frame, HEADERS, RawClient, frame, header_block};
use crate::support::{Client, error_info, tcp_channel};

#[tokio::test]
async fn a_message_may_be_as_large_as_the_setting_says() {
    let broker =
        Broker::builder().silent_s3().config(|config| config.limits.max_message_size = 4 * 1_024).start().await;
    let client = broker.client().await;
    let refused = client.download("media", &"x".repeat(5_000)).await.unwrap_err();
    assert_eq!((refused.code(), error_info(&refused).reason.as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
    assert_eq!(client.download("media", &"x".repeat(3_000)).await.unwrap_err().code(), Code::InvalidArgument);
    broker.finish().await;
}

#[tokio::test]
async fn metadata_may_be_as_large_as_the_setting_says() {
    for (limit, passes) in [(4 * 1_024, false), (16 * 1_024, true)] {
        let broker =
            Broker::builder().silent_s3().config(move |config| config.limits.max_metadata_size = limit).start().await;
        let (authorization, filler) = (broker.authorization(), "y".repeat(6_000));
        let metadata = [("authorization", authorization.as_str()), ("x-filler", filler.as_str())];
        let client = Client::over(tcp_channel(broker.address()).await, &metadata);
        assert_eq!(client.download("media", "x").await.is_ok(), passes, "{limit}");
        broker.assert_serves().await;
        broker.finish().await;
    }
}

#[tokio::test]
async fn a_client_may_be_silent_as_long_as_the_setting_says() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| config.limits.handshake_timeout = Duration::from_secs(1))
        .start()
        .await;
    let begun = Instant::now();
    let mut silent = RawClient::connect(broker.address()).await;
    silent.frames_to_the_end().await;
    assert!((Duration::from_secs(1)..Duration::from_secs(8)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    broker.finish().await;
}

#[tokio::test]
async fn a_client_may_err_as_often_as_the_setting_says() {
    let broker = Broker::builder().silent_s3().config(|config| config.limits.max_reset_streams = 4).start().await;
    let mut client = RawClient::greet(broker.address()).await;
    // A path with a space is malformed (RFC 9113 section 8.3.1): each costs the server a reset.
    let malformed = header_block("/x y", &[]);
    let burst: Vec<u8> =
        (1..41).step_by(2).flat_map(|stream| frame(HEADERS, END_HEADERS, stream, &malformed)).collect();
    client.send(&burst).await.unwrap();
    let codes: Vec<u32> = client.frames_to_the_end().await.iter().filter_map(Frame::goaway_code).collect();
    assert!(codes.contains(&ENHANCE_YOUR_CALM), "{codes:?}");
    broker.assert_serves().await;
    broker.finish().await;
}
