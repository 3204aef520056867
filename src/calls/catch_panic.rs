//! A panic costs the call that it happened in, and nothing else.

use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::body::Body;
use tower::{Layer, Service};

use super::call_counters::CallCounters;
use super::record::CallRecord;
use crate::grpc::status::status_of_panic;

/// Answers calls whose handler panics with `INTERNAL`. Inside the access log, so that they are logged like any other.
#[derive(Debug, Clone)]
pub struct CatchPanicLayer {
    counters: Arc<CallCounters>,
}

impl CatchPanicLayer {
    /// A layer that counts here.
    #[must_use]
    pub const fn new(counters: Arc<CallCounters>) -> Self {
        Self { counters }
    }
}

impl<S> Layer<S> for CatchPanicLayer {
    type Service = CatchPanic<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CatchPanic { inner, counters: Arc::clone(&self.counters) }
    }
}

/// The service that [`CatchPanicLayer`] makes.
#[derive(Debug, Clone)]
pub struct CatchPanic<S> {
    inner: S,
    counters: Arc<CallCounters>,
}

impl<S> Service<Request<Body>> for CatchPanic<S>
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
        let counters = Arc::clone(&self.counters);
        let record = request.extensions().get::<CallRecord>().cloned().unwrap_or_default();
        Box::pin(async move {
            // In an async block, so that a panic on the way to the inner future is caught as well.
            let handled = CaughtPanic(Box::pin(async move { inner.call(request).await }));
            match handled.await {
                Ok(answer) => answer,
                Err(Panicked) => {
                    counters.panics.add_one();
                    record.set_reason("panicked");
                    Ok(status_of_panic(record.request_id().as_str()).into_http())
                }
            }
        })
    }
}

/// A future that yields its panic instead of passing it on.
struct CaughtPanic<F>(Pin<Box<F>>);

/// The panic's payload is not kept: it may quote what a caller sent. The hook has logged where it happened.
struct Panicked;

impl<F: Future> Future for CaughtPanic<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // The future is not polled again after a panic, so nobody sees what the panic left half done in it. What calls
        // share are locks that poison, atomics and snapshots.
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(polled) => polled.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tonic::{Code, Status};
    use tonic_types::StatusExt;
    use tower::{ServiceExt, service_fn};

    use super::*;

    async fn answer_of<F>(handler: impl Fn() -> F + Clone + Send + 'static) -> (Status, Arc<CallCounters>, CallRecord)
    where
        F: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
    {
        let counters = Arc::default();
        let service = CatchPanicLayer::new(Arc::clone(&counters)).layer(service_fn(move |_: Request<Body>| handler()));
        let record = CallRecord::default();
        let request = Request::builder().extension(record.clone()).body(Body::empty()).unwrap();
        let answer = service.oneshot(request).await.unwrap();
        (Status::from_header_map(answer.headers()).unwrap(), counters, record)
    }

    #[tokio::test]
    async fn a_panic_becomes_an_internal_fault_wherever_it_happens() {
        let at_once = answer_of(|| -> std::future::Ready<_> { panic!("at once") }).await;
        let later = answer_of(|| async {
            tokio::task::yield_now().await;
            panic!("later")
        })
        .await;
        for (status, counters, record) in [at_once, later] {
            assert_eq!(status.code(), Code::Internal);
            assert_eq!(status.get_details_error_info().unwrap().reason, "INTERNAL_FAULT");
            assert!(!status.message().contains("later"));
            assert_eq!((counters.panics.get(), record.reason()), (1, Some("panicked")));
        }
    }

    #[tokio::test]
    async fn what_does_not_panic_passes() {
        let (status, counters, _) = answer_of(|| async { Ok(Status::not_found("x").into_http()) }).await;
        assert_eq!((status.code(), counters.panics.get()), (Code::NotFound, 0));
    }
}
