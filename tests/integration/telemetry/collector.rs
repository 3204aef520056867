//! An OpenTelemetry collector that keeps what it gets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use crate::support::{PATIENCE, eventually};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, async_trait};

/// A collector on loopback.
pub(crate) struct Collector {
    pub(super) address: SocketAddr,
    received: Received,
    serving: JoinHandle<()>,
}

#[derive(Debug, Clone, Default)]
struct Received(Arc<Mutex<Vec<Message>>>);

/// What one call brought, with its metadata `x-tenant`.
type Message = (Option<String>, ExportTraceServiceRequest);

#[async_trait]
impl TraceService for Received {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let header = request.metadata().get("x-tenant").map(|value| value.to_str().unwrap().to_owned());
        self.0.lock().unwrap().push((header, request.into_inner()));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    pub(crate) fn start() -> Self {
        let received = Received::default();
        let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = incoming.local_addr().unwrap();
        let server = Server::builder().add_service(TraceServiceServer::new(received.clone()));
        let serving = tokio::spawn(async move { server.serve_with_incoming(incoming).await.unwrap() });
        Self { address, received, serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every span so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let messages = self.received.0.lock().unwrap();
        let resources = messages.iter().flat_map(|(_, message)| &message.resource_spans);
        resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| scope.spans.clone()).collect()
    }

    /// Waits until so many spans have arrived.
    pub(super) async fn wait_for_spans(&self, wanted: usize) -> Vec<Span> {
        eventually("spans", PATIENCE, async || {
            let spans = self.spans();
            if spans.len() >= wanted { Ok(spans) } else { Err(spans) }
        })
        .await
    }

    /// What the first message says that spans come from, and its metadata `x-tenant`.
    pub(super) fn origin(&self) -> (BTreeMap<String, String>, Option<String>) {
        let messages = self.received.0.lock().unwrap();
        let (tenant, message) = messages.first().unwrap();
        let resource = message.resource_spans.first().unwrap().resource.clone().unwrap();
        (attributes(&resource.attributes), tenant.clone())
    }

    /// Every byte of every message.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.received.0.lock().unwrap().iter().flat_map(|(_, message)| message.encode_to_vec()).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Attributes by their names, as text.
pub(super) fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|value| value.value.clone()) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{other:?}"),
    };
    pairs.iter().map(|pair| (pair.key.clone(), text(&pair.value))).collect()
}
