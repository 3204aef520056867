//! Reads the rest of a request that was answered before it arrived.
//!
//! A call may be answered after its headers: its caller is rejected, or a limit is reached. If the rest of its request
//! were dropped then, the HTTP/2 library would reset the stream, and count the client's data in transit against the
//! connection until it closes it. Behind a proxy that would end the calls of other clients.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::OpenStream;

/// The time limit for the rest, which is in transit already.
const MAX_REST_TIME: Duration = Duration::from_secs(2);

/// How much of such a request is read, in bytes: a large message. A longer one is reset.
const MAX_REST_BYTES: usize = 64 * 1_024;

/// The limits for reading the rest.
#[derive(Clone)]
pub(super) struct DiscardLimits {
    /// The time limit.
    pub(super) limit: Duration,
    pub(super) tasks: TaskTracker,
    /// Reading stops when the server stops.
    pub(super) stop: CancellationToken,
}

/// The body of a request. If it is dropped early, the rest is read and discarded.
pub(super) struct RequestBody {
    /// `None` after the drop.
    incoming: Option<Incoming>,
    stream: Arc<OpenStream>,
    rest: DiscardLimits,
}

impl RequestBody {
    pub(super) const fn new(incoming: Incoming, stream: Arc<OpenStream>, rest: DiscardLimits) -> Self {
        Self { incoming: Some(incoming), stream, rest }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match &mut self.incoming {
            Some(incoming) => Pin::new(incoming).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(incoming) = self.incoming.take() else { return };
        // A cancelled stream must be reset.
        if incoming.is_end_stream() || self.stream.is_given_up() {
            return;
        }
        let DiscardLimits { limit, tasks, stop } = self.rest.clone();
        // Streams without a slot are reset.
        let Ok(place) = self.stream.take_answered() else { return };
        tasks.spawn(async move {
            tokio::select! {
                _ended_or_not = time::timeout(limit.min(MAX_REST_TIME), read_rest(incoming)) => {}
                () = place.taken_away().cancelled() => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

async fn read_rest(mut incoming: Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = incoming.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > MAX_REST_BYTES {
            return;
        }
    }
}
