//! The services, and the pipeline in front of them.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::Context as _;
use http::{Response, Version};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::service::Routes;
use tonic_reflection::server::Builder;
use tower::Service;
use tower::util::BoxCloneSyncService;

use crate::calls::{IncomingCall, Pipeline};
use crate::contract::{Operations, proto};
use crate::grpc::{BrokerService, GrpcCalls, HealthService, is_grpc};
use crate::http::{AcceptedHosts, HttpCalls, HttpSettings};

/// All services, behind the pipeline. Cloned for every call.
pub(super) type CallService = BoxCloneSyncService<IncomingCall<Body>, Response<Body>, Infallible>;

/// The maximum message size of a method without authentication, in bytes: a service or symbol name, with room to spare.
const MAX_UNPROVEN_MESSAGE_BYTES: usize = 4 * 1_024;

/// How HTTP is served.
pub(super) struct HttpOptions {
    pub(super) settings: HttpSettings,
    pub(super) hosts: AcceptedHosts,
}

/// Puts services and pipeline together. `end` ends the streams of health and reflection.
///
/// # Errors
///
/// When reflection is wanted and the descriptors cannot be served.
pub(super) fn service(
    operations: Operations,
    http: HttpOptions,
    health: HealthService,
    reflection: bool,
    pipeline: Pipeline,
    end: CancellationToken,
) -> anyhow::Result<CallService> {
    let pipeline = Arc::new(pipeline);
    let HttpOptions { settings, hosts } = http;
    let http = HttpCalls::new(Arc::clone(&pipeline), operations.clone(), settings, hosts);
    let max_message_size = pipeline.places.message.size;
    let mut routes = Routes::builder();
    routes
        .add_service(health.into_server(MAX_UNPROVEN_MESSAGE_BYTES))
        .add_service(BrokerService::from(operations).into_server(max_message_size));
    if reflection {
        let unusable = "the descriptors cannot be served";
        let v1 = reflection_builder().build_v1().context(unusable)?;
        // The version for older clients.
        let v1alpha = reflection_builder().build_v1alpha().context(unusable)?;
        routes
            .add_service(v1.max_decoding_message_size(MAX_UNPROVEN_MESSAGE_BYTES))
            .add_service(v1alpha.max_decoding_message_size(MAX_UNPROVEN_MESSAGE_BYTES));
    }
    let grpc = GrpcCalls::new(pipeline, routes.routes().prepare(), end);
    Ok(BoxCloneSyncService::new(ByProtocol { grpc, http }))
}

/// Serves each call by the protocol of its request.
#[derive(Clone)]
struct ByProtocol<S> {
    grpc: GrpcCalls<S>,
    http: HttpCalls,
}

impl<S> Service<IncomingCall<Body>> for ByProtocol<S>
where
    GrpcCalls<S>: Service<IncomingCall<Body>, Response = Response<Body>, Error = Infallible, Future = AnswerFuture>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = AnswerFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, incoming: IncomingCall<Body>) -> Self::Future {
        let IncomingCall { request, connection, .. } = &incoming;
        let is_grpc =
            || connection.protocols.grpc && request.version() == Version::HTTP_2 && is_grpc(request.headers());
        if !connection.protocols.http || is_grpc() { self.grpc.call(incoming) } else { self.http.call(incoming) }
    }
}

type AnswerFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

fn reflection_builder() -> Builder<'static> {
    Builder::configure()
        // It has google.rpc as well, so that grpcurl prints error details instead of bytes.
        .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
