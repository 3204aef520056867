//! Serves requests over HTTP through the pipeline of all calls.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Response;
use tonic::body::Body;
use tower::Service;

use super::answer::add_common_headers;
use super::exchange::{Exchange, Shared};
use super::settings::{AcceptedHosts, HttpSettings};
use crate::calls::{IncomingCall, Pipeline};
use crate::contract::Operations;

/// Serves every call. Clones share everything.
#[derive(Clone)]
pub(crate) struct HttpCalls {
    pipeline: Arc<Pipeline>,
    shared: Arc<Shared>,
}

impl HttpCalls {
    pub(crate) fn new(
        pipeline: Arc<Pipeline>,
        operations: Operations,
        settings: HttpSettings,
        hosts: AcceptedHosts,
    ) -> Self {
        let counters = Arc::clone(&pipeline.counters);
        Self { pipeline, shared: Arc::new(Shared { operations, settings, hosts, counters }) }
    }
}

impl fmt::Debug for HttpCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCalls").finish_non_exhaustive()
    }
}

impl Service<IncomingCall<Body>> for HttpCalls {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut incoming: IncomingCall<Body>) -> Self::Future {
        let Self { pipeline, shared } = self.clone();
        Box::pin(async move {
            let exchange = Exchange::read(&shared, &incoming.request, &incoming.connection.accepts);
            *incoming.request.headers_mut() = exchange.inward_headers(incoming.request.headers());
            let mut answer = pipeline.run(&exchange, incoming).await.map(Body::new);
            add_common_headers(answer.headers_mut());
            exchange.page().add_headers(answer.headers_mut());
            Ok(answer)
        })
    }
}
