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

use crate::config::LimitSettings;
use crate::grpc::{
    AccessLogLayer, AuthenticationLayer, BrokerService, CallCounters, CatchPanicLayer, DeadlineLayer, HealthService,
    LoadSheddingLayer, MessageLimitLayer, StreamEndLayer, proto,
};

/// Everything that is served, behind all layers. Cloned for every call.
pub(super) type GrpcService = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// What the layers need.
pub(super) struct Layers {
    pub(super) access_log: AccessLogLayer,
    pub(super) authentication: AuthenticationLayer,
    pub(super) limits: LimitSettings,
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
    let Layers { access_log, authentication, limits, counters, stop } = layers;
    let mut routes = Routes::builder();
    routes.add_service(health.into_server()).add_service(broker.into_server(limits.max_message_size as usize));
    if reflection {
        let unusable = "the descriptors cannot be served";
        routes.add_service(reflection_builder().build_v1().context(unusable)?);
        // The version that older clients speak.
        routes.add_service(reflection_builder().build_v1alpha().context(unusable)?);
    }
    // Outermost first: a call is logged however it ends, and nothing lets it take longer than its deadline.
    let service = ServiceBuilder::new()
        .layer(access_log)
        .layer(CatchPanicLayer::new(Arc::clone(&counters)))
        .layer(DeadlineLayer::new(limits.call_timeout, Arc::clone(&counters)))
        .layer(authentication)
        .layer(LoadSheddingLayer::new(limits.max_calls_in_flight as usize, Arc::clone(&counters)))
        .layer(MessageLimitLayer::new(counters))
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
