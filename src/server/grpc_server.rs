//! The services, and the pipeline in front of them.

use std::convert::Infallible;

use anyhow::Context;
use http::Response;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::service::Routes;
use tonic_reflection::server::Builder;
use tower::util::BoxCloneSyncService;

use crate::calls::{IncomingCall, Pipeline};
use crate::grpc::{BrokerService, GrpcCalls, HealthService, proto};

/// All services, behind the pipeline. Cloned for every call.
pub(super) type GrpcService = BoxCloneSyncService<IncomingCall<Body>, Response<Body>, Infallible>;

/// The maximum message size of a method without authentication, in bytes: a service or symbol name, with room to spare.
const MAX_UNPROVEN_MESSAGE_BYTES: usize = 4 * 1_024;

/// Puts services and pipeline together. `end` ends the streams of health and reflection.
///
/// # Errors
///
/// When reflection is wanted and the descriptors cannot be served.
pub(super) fn service(
    broker: BrokerService,
    health: HealthService,
    reflection: bool,
    pipeline: Pipeline,
    end: CancellationToken,
) -> anyhow::Result<GrpcService> {
    let max_message_size = pipeline.places.message.size;
    let mut routes = Routes::builder();
    routes
        .add_service(health.into_server(MAX_UNPROVEN_MESSAGE_BYTES))
        .add_service(broker.into_server(max_message_size));
    if reflection {
        let unusable = "the descriptors cannot be served";
        let v1 = reflection_builder().build_v1().context(unusable)?;
        // The version for older clients.
        let v1alpha = reflection_builder().build_v1alpha().context(unusable)?;
        routes
            .add_service(v1.max_decoding_message_size(MAX_UNPROVEN_MESSAGE_BYTES))
            .add_service(v1alpha.max_decoding_message_size(MAX_UNPROVEN_MESSAGE_BYTES));
    }
    Ok(BoxCloneSyncService::new(GrpcCalls::new(pipeline, routes.routes().prepare(), end)))
}

fn reflection_builder() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        // With these, grpcurl prints error details instead of bytes.
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
}
