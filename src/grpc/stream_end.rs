//! Ends the streams of health and reflection when the server stops.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::calls::authentication::EXEMPT_PATHS;

/// `OK` in trailers.
const OK: HeaderValue = HeaderValue::from_static("0");

/// Streams of health and reflection never end by themselves, and would hold up the end of the server. With this layer
/// they end well once the token is cancelled, behind whatever they had to say by then.
#[derive(Debug, Clone)]
pub struct StreamEndLayer {
    end: CancellationToken,
}

impl StreamEndLayer {
    /// A layer whose streams end with the token.
    #[must_use]
    pub const fn new(end: CancellationToken) -> Self {
        Self { end }
    }
}

impl<S> Layer<S> for StreamEndLayer {
    type Service = StreamEnd<S>;

    fn layer(&self, inner: S) -> Self::Service {
        StreamEnd { inner, end: self.end.clone() }
    }
}

/// The service that [`StreamEndLayer`] makes.
#[derive(Debug, Clone)]
pub struct StreamEnd<S> {
    inner: S,
    end: CancellationToken,
}

impl<S> Service<Request<Body>> for StreamEnd<S>
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
        let end = EXEMPT_PATHS.contains(&request.uri().path()).then(|| self.end.clone());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            Ok(match end {
                Some(end) => answer.map(|body| Body::new(EndingBody::new(body, end))),
                None => answer,
            })
        })
    }
}

/// A body that ends early, with trailers that say `OK`.
struct EndingBody {
    /// `None` once it has ended early.
    body: Option<Body>,
    end: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl EndingBody {
    fn new(body: Body, end: CancellationToken) -> Self {
        Self { body: Some(body), end: Box::pin(end.cancelled_owned()) }
    }
}

impl HttpBody for EndingBody {
    type Data = <Body as HttpBody>::Data;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        // First what there is to say: the last status must not be lost.
        let polled = Pin::new(body).poll_frame(context);
        if polled.is_ready() || self.end.as_mut().poll(context).is_pending() {
            return polled;
        }
        self.body = None;
        let trailers = HeaderMap::from_iter([(Status::GRPC_STATUS, OK)]);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}
