//! Ends the streams of health and reflection when the server stops.
//!
//! They do not end by themselves, and would delay the stop.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;
use tonic::body::Body;

/// `OK` in trailers.
const OK: HeaderValue = HeaderValue::from_static("0");

/// A body that ends when the token is cancelled: after its pending parts, with trailers of status `OK`.
pub(super) struct EndingBody {
    /// `None` once it was ended early.
    body: Option<Body>,
    end: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl EndingBody {
    pub(super) fn new(body: Body, end: CancellationToken) -> Self {
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
        // Pending parts first, so that the last status is not lost.
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
