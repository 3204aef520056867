//! A health check of the server by itself, through everything that clients' calls pass.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::DuplexStream;
use tokio::time;
use tokio_util::sync::DropGuard;
use tonic::Status;
use tonic::body::Body;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, service_fn};

use crate::calls::{CallOrigin, IncomingCall, Protocols};
use crate::config::LimitSettings;
use crate::server::connections::handshake::{Accepted, Requirements};
use crate::server::connections::{Connections, Ends};
use crate::server::services::CallService;
use crate::telemetry::ServerCounters;
use access_broker_identity::AcceptedProof;

/// The size of the in-memory pipe, in bytes: a health check and its answer take a few hundred.
const PIPE_BYTES: usize = 16 * 1_024;

/// Checks the server's health over an in-memory connection. Clones share everything.
///
/// The connection and the call pass the same code as those of clients. They take no client's slot, because they have
/// their own budgets and counters, and settings of listeners do not apply. Log, metrics and traces do not show them.
#[derive(Clone)]
pub(crate) struct SelfCheck {
    connections: Connections,
    _ends_connections: Arc<DropGuard>,
}

/// Why the self-check failed.
#[derive(Debug, Error)]
pub(crate) enum SelfCheckError {
    /// No answer within the limit.
    #[error("no answer within {}", humantime::format_duration(*.0))]
    TimedOut(Duration),
    /// The connection was not served.
    #[error("the connection failed")]
    Connection(#[from] tonic::transport::Error),
    #[error("the health check failed: {}", .0.message())]
    Call(Box<Status>),
}

impl SelfCheck {
    /// The service must be that of the listeners.
    pub(in crate::server) fn new(service: CallService, limits: &LimitSettings) -> Self {
        let marked = ServiceBuilder::new()
            .map_request(|incoming: IncomingCall<Body>| IncomingCall { origin: CallOrigin::SelfCheck, ..incoming });
        let service = BoxCloneSyncService::new(marked.service(service));
        let streams = crate::server::budgets::budgets(limits).streams;
        let ends = Ends::default();
        let cut = ends.cut.clone();
        let counters = Arc::new(ServerCounters::default());
        let connections = Connections::new(service, limits.clone(), streams, counters, ends);
        Self { connections, _ends_connections: Arc::new(cut.drop_guard()) }
    }

    /// Makes one call over a new connection. Any health status counts as an answer: a server that waits for keys is not
    /// stuck.
    ///
    /// # Errors
    ///
    /// When no answer arrives within `limit`, or the connection or the call fails.
    pub(crate) async fn call(&self, limit: Duration) -> Result<(), SelfCheckError> {
        let (client, server) = tokio::io::duplex(PIPE_BYTES);
        let requirements = Requirements {
            tls: None,
            accepts: Arc::new(AcceptedProof::Token),
            protocols: Protocols::GRPC,
            has_istio_source: false,
        };
        self.connections.admit(Accepted::Memory(server), requirements);
        time::timeout(limit, ask(client)).await.unwrap_or(Err(SelfCheckError::TimedOut(limit)))
    }
}

async fn ask(client: DuplexStream) -> Result<(), SelfCheckError> {
    let client = Mutex::new(Some(TokioIo::new(client)));
    // The URI is not used. There is one pipe end, so there is no second connection.
    let connector = service_fn(move |_: Uri| {
        let client = client.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move { client.ok_or(io::Error::from(io::ErrorKind::NotConnected)) }
    });
    let channel = Endpoint::from_static("http://self-check").connect_with_connector(connector).await?;
    let answer = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
    answer.map(drop).map_err(|status| SelfCheckError::Call(Box::new(status)))
}

impl fmt::Debug for SelfCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelfCheck").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;
    use crate::config::Config;
    use access_broker_base::document::Overrides;
    use access_broker_identity::PlainHttp;

    fn limits() -> LimitSettings {
        let text = "[policy]\nfile = 'p'\n[[issuer]]\nissuer = 'https://a.example'\naudiences = 'a'\n\
                    [[bucket]]\nname = 'media'\ns3_bucket = 'example-media'\nregion = 'eu-central-1'\n";
        let folder = std::path::Path::new("");
        Config::parse("test", text, folder, Overrides::new(), PlainHttp::Refused).unwrap().limits
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_answer_is_given_up() {
        let silent = service_fn(async |incoming: IncomingCall<Body>| {
            assert_eq!(incoming.origin, CallOrigin::SelfCheck);
            std::future::pending::<Result<Response<Body>, std::convert::Infallible>>().await
        });
        let check = SelfCheck::new(BoxCloneSyncService::new(silent), &limits());
        let limit = Duration::from_secs(3);
        assert!(matches!(check.call(limit).await, Err(SelfCheckError::TimedOut(given)) if given == limit));
    }

    #[tokio::test]
    async fn an_answer_that_is_an_error_is_none() {
        let failing = service_fn(async |_: IncomingCall<Body>| {
            Ok::<_, std::convert::Infallible>(Status::internal("a fault").into_http::<Body>())
        });
        let check = SelfCheck::new(BoxCloneSyncService::new(failing), &limits());
        let error = check.call(Duration::from_secs(30)).await.unwrap_err();
        assert_eq!(error.to_string(), "the health check failed: a fault");
    }
}
