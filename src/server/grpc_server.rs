//! The services, and the layers around them.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::Context;
use http::{Request, Response};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::service::Routes;
use tonic_reflection::server::Builder;
use tower::ServiceBuilder;
use tower::util::BoxCloneSyncService;

use crate::admission::Shares;
use crate::calls::{
    AccessLogLayer, AuthenticationLayer, CallCounters, CatchPanicLayer, DeadlineLayer, LoadSheddingLayer,
};
use crate::config::LimitSettings;
use crate::grpc::{BrokerService, CallFormLayer, HealthService, StatusReasonLayer, StreamEndLayer, proto};

/// Everything that is served, behind all layers. Cloned for every call.
pub(super) type GrpcService = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The largest message of a method that needs no proof, in bytes: a name of a service or a symbol, and a lot to spare.
const MAX_UNPROVEN_MESSAGE_BYTES: usize = 4 * 1_024;

/// What the layers need.
pub(super) struct Layers {
    pub(super) access_log: AccessLogLayer,
    pub(super) authentication: AuthenticationLayer,
    pub(super) limits: LimitSettings,
    /// Places for calls.
    pub(super) places: Arc<Shares>,
    /// Bytes for their messages.
    pub(super) message_memory: Arc<Shares>,
    pub(super) counters: Arc<CallCounters>,
    /// Ends the streams of health and reflection.
    pub(super) stop: CancellationToken,
}

/// Puts services and layers together.
///
/// # Errors
///
/// When reflection is wanted and the descriptors cannot be served.
pub(super) fn service(
    broker: BrokerService,
    health: HealthService,
    reflection: bool,
    layers: Layers,
) -> anyhow::Result<GrpcService> {
    let Layers { access_log, authentication, limits, places, message_memory, counters, stop } = layers;
    let max_message_size = limits.max_message_size as usize;
    let mut routes = Routes::builder();
    routes
        .add_service(health.into_server(MAX_UNPROVEN_MESSAGE_BYTES))
        .add_service(broker.into_server(max_message_size));
    if reflection {
        let unusable = "the descriptors cannot be served";
        let v1 = reflection_builder().build_v1().context(unusable)?;
        // The version that older clients speak.
        let v1alpha = reflection_builder().build_v1alpha().context(unusable)?;
        routes
            .add_service(v1.max_decoding_message_size(MAX_UNPROVEN_MESSAGE_BYTES))
            .add_service(v1alpha.max_decoding_message_size(MAX_UNPROVEN_MESSAGE_BYTES));
    }
    // Outermost first: a call is logged however it ends, and nothing lets it take longer than its deadline.
    let service = ServiceBuilder::new()
        .layer(access_log)
        .layer(CallFormLayer::new(Arc::clone(&counters)))
        .layer(StatusReasonLayer::new(Arc::clone(&counters)))
        .layer(CatchPanicLayer::new(Arc::clone(&counters)))
        .layer(DeadlineLayer::new(limits.call_timeout, Arc::clone(&counters)))
        .layer(authentication)
        .layer(LoadSheddingLayer::new(places, message_memory, max_message_size, limits.message_timeout, counters))
        .layer(StreamEndLayer::new(stop))
        .service(routes.routes().prepare());
    Ok(BoxCloneSyncService::new(service))
}

fn reflection_builder() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        // With these, grpcurl prints error details instead of bytes.
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
}
