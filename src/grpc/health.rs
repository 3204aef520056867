//! The library's health service, with a complete `Watch`.

use std::pin::Pin;

use tokio_stream::{Stream, StreamExt};
use tonic::{Code, Request, Response, Status, async_trait};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_health::server::{HealthReporter, HealthService as LibraryService};

/// Serves `grpc.health.v1.Health`.
#[derive(Debug)]
pub(crate) struct HealthService {
    inner: LibraryService,
}

impl HealthService {
    /// A service with the reporter's statuses. Every service must have a status by then: watchers of others never get
    /// one.
    #[must_use]
    pub(crate) fn new(reporter: HealthReporter) -> Self {
        Self { inner: LibraryService::from_health_reporter(reporter) }
    }

    /// The tonic service. Messages above this size are refused.
    #[must_use]
    pub(crate) fn into_server(self, max_message_size: usize) -> HealthServer<Self> {
        HealthServer::new(self).max_decoding_message_size(max_message_size)
    }
}

#[async_trait]
impl Health for HealthService {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        self.inner.check(request).await
    }

    /// For an unknown service: `SERVICE_UNKNOWN`, and then a stream that stays open, as the protocol requires. The
    /// library answers `NOT_FOUND`, which clients take for a server without health.
    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        match self.inner.watch(request).await {
            Ok(known) => Ok(known.map(|stream| Box::pin(stream) as Self::WatchStream)),
            Err(status) if status.code() == Code::NotFound => {
                let unknown = HealthCheckResponse { status: ServingStatus::ServiceUnknown.into() };
                let stays_open = tokio_stream::once(Ok(unknown)).chain(tokio_stream::pending());
                Ok(Response::new(Box::pin(stays_open)))
            }
            Err(status) => Err(status),
        }
    }
}
