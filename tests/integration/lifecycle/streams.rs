//! Streams of health and reflection when the server stops.

use std::time::Duration;

use access_broker::grpc::SERVICE_NAME;
use tokio::time::{self, Instant};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use crate::support::Broker;
use crate::support::tcp_channel;

#[tokio::test]
async fn streams_end_well_with_the_last_status_and_do_not_hold_up_the_end() {
    let mut broker = Broker::builder()
        .silent_s3()
        .config(|config| config.server.shutdown_grace = Duration::from_mins(1))
        .start()
        .await;
    let channel = tcp_channel(broker.address()).await;
    let request = HealthCheckRequest { service: SERVICE_NAME.to_owned() };
    let mut watch = HealthClient::new(channel.clone()).watch(request).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let list = MessageRequest::ListServices(String::new());
    let requests = tokio_stream::StreamExt::chain(
        tokio_stream::once(ServerReflectionRequest { message_request: Some(list), ..Default::default() }),
        tokio_stream::pending(),
    );
    let mut reflection =
        ServerReflectionClient::new(channel).server_reflection_info(requests).await.unwrap().into_inner();
    reflection.message().await.unwrap().unwrap();

    let begun = Instant::now();
    let stopping = tokio::spawn(broker.take_server().stop());
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert!(watch.message().await.unwrap().is_none(), "the end of a stream, and no error");
    assert!(reflection.message().await.unwrap().is_none());
    stopping.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    broker.finish().await;
}

#[tokio::test]
async fn a_watcher_of_an_unknown_service_is_told_so_and_stays() {
    let mut broker = Broker::builder().silent_s3().start().await;
    let mut client = HealthClient::new(tcp_channel(broker.address()).await);
    let request = HealthCheckRequest { service: "no.such.Service".to_owned() };
    let mut watch = client.watch(request).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);
    assert!(time::timeout(Duration::from_millis(200), watch.message()).await.is_err(), "the stream is open");
    tokio::join!(broker.stop(), async { assert!(watch.message().await.unwrap().is_none()) });
    broker.finish().await;
}
