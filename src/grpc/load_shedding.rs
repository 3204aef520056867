//! Refuses calls while too many are in flight, instead of letting every one of them become late.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tokio::sync::Semaphore;
use tonic::body::Body;
use tower::{Layer, Service};

use super::authentication::EXEMPT_PATHS;
use super::call::CallRecord;
use super::call_counters::CallCounters;
use super::status::status_of_overload;

/// Lets so many calls pass at a time, over all connections.
///
/// It stands behind authentication: whoever has no proof can take no place from those who have. Health and reflection
/// are exempt, because a server that is busy is not one that is broken. A place is given back when the answer begins:
/// what is left then is a few KiB that wait for the client, and a slow reader shall hold nobody up.
#[derive(Debug, Clone)]
pub struct LoadSheddingLayer {
    places: Arc<Semaphore>,
    counters: Arc<CallCounters>,
}

impl LoadSheddingLayer {
    /// A layer with this many places.
    #[must_use]
    pub fn new(places: usize, counters: Arc<CallCounters>) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), counters }
    }
}

impl<S> Layer<S> for LoadSheddingLayer {
    type Service = LoadShedding<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LoadShedding { inner, layer: self.clone() }
    }
}

/// The service that [`LoadSheddingLayer`] makes.
#[derive(Debug, Clone)]
pub struct LoadShedding<S> {
    inner: S,
    layer: LoadSheddingLayer,
}

impl<S> Service<Request<Body>> for LoadShedding<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        if EXEMPT_PATHS.contains(&request.uri().path()) {
            return Box::pin(inner.call(request));
        }
        let LoadSheddingLayer { places, counters } = self.layer.clone();
        Box::pin(async move {
            let Ok(_place) = places.try_acquire() else {
                counters.shed.add_one();
                let record = request.extensions().get::<CallRecord>().cloned().unwrap_or_default();
                record.set_reason("overloaded");
                return Ok(status_of_overload(record.request_id().as_str()).into_http());
            };
            inner.call(request).await
        })
    }
}
