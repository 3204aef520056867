//! The gRPC server and its limits.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_reflection::server::{Builder, v1, v1alpha};

use super::connection::Connection;
use crate::grpc::{AccessLogLayer, AuthenticationLayer, BrokerService, proto};

/// Streams that one connection may have open. tonic passes hyper no limit unless one is set.
const MAX_CONCURRENT_STREAMS: u32 = 256;

/// Streams that the server may reset for a client's errors before it drops the connection. tonic switches hyper's own
/// limit off unless one is set, and with it the guard against RUSTSEC-2024-0003.
const MAX_LOCAL_ERROR_RESET_STREAMS: usize = 256;

/// How often a silent peer is asked for a sign of life; without, half-open connections stay for ever.
const KEEPALIVE_INTERVAL: Duration = Duration::from_mins(1);

/// How long it may take to give one.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// The largest header list, in bytes: room for the largest token and little else.
const MAX_HEADER_LIST_BYTES: u32 = 16 * 1_024;

/// The reflection service of today, if it is wanted.
pub(super) fn reflection(
    wanted: bool,
) -> anyhow::Result<Option<v1::ServerReflectionServer<impl v1::ServerReflection>>> {
    wanted.then(|| reflection_builder().build_v1().context("the descriptors cannot be served")).transpose()
}

/// The one that older clients speak, if reflection is wanted.
pub(super) fn reflection_v1alpha(
    wanted: bool,
) -> anyhow::Result<Option<v1alpha::ServerReflectionServer<impl v1alpha::ServerReflection>>> {
    wanted.then(|| reflection_builder().build_v1alpha().context("the descriptors cannot be served")).transpose()
}

fn reflection_builder() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        // With these, grpcurl prints error details instead of bytes.
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
}

/// Serves every connection until `stop`, and then until the last one is done.
pub(super) async fn serve(
    connections: mpsc::Receiver<Connection>,
    broker: BrokerService,
    authentication: AuthenticationLayer,
    health: HealthServer<impl Health>,
    reflection: Option<v1::ServerReflectionServer<impl v1::ServerReflection>>,
    reflection_v1alpha: Option<v1alpha::ServerReflectionServer<impl v1alpha::ServerReflection>>,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    Server::builder()
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .http2_max_local_error_reset_streams(Some(MAX_LOCAL_ERROR_RESET_STREAMS))
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .http2_max_header_list_size(MAX_HEADER_LIST_BYTES)
        // Outermost first: a refused call is logged too.
        .layer(AccessLogLayer)
        .layer(authentication)
        .add_service(health)
        .add_service(broker.into_server())
        .add_optional_service(reflection)
        .add_optional_service(reflection_v1alpha)
        .serve_with_incoming_shutdown(ReceiverStream::new(connections).map(Ok::<_, Infallible>), stop.cancelled_owned())
        .await
}
