//! Answers a message that is too large as the gRPC specification has it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderValue, Request, Response};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::call::CallRecord;
use super::call_counters::CallCounters;
use super::status::status_of_oversized_message;

/// Turns the library's `OUT_OF_RANGE` into `RESOURCE_EXHAUSTED`. Nothing but the library's check of a message's size
/// answers so: the broker has no use for that code.
#[derive(Debug, Clone)]
pub struct MessageLimitLayer {
    counters: Arc<CallCounters>,
}

impl MessageLimitLayer {
    /// A layer that counts here.
    #[must_use]
    pub const fn new(counters: Arc<CallCounters>) -> Self {
        Self { counters }
    }
}

impl<S> Layer<S> for MessageLimitLayer {
    type Service = MessageLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        MessageLimit { inner, counters: Arc::clone(&self.counters) }
    }
}

/// The service that [`MessageLimitLayer`] makes.
#[derive(Debug, Clone)]
pub struct MessageLimit<S> {
    inner: S,
    counters: Arc<CallCounters>,
}

impl<S> Service<Request<Body>> for MessageLimit<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let counters = Arc::clone(&self.counters);
        let record = request.extensions().get::<CallRecord>().cloned().unwrap_or_default();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            let code = answer.headers().get(Status::GRPC_STATUS).map(HeaderValue::as_bytes).map(Code::from_bytes);
            if code != Some(Code::OutOfRange) {
                return Ok(answer);
            }
            counters.oversized_messages.add_one();
            record.set_reason("message_too_large");
            Ok(status_of_oversized_message(record.request_id().as_str()).into_http())
        })
    }
}
