//! The delivery of an answer, which has a time limit.
//!
//! The HTTP/2 library takes one part of an answer from its body, and the next one only when the client has room. Until
//! then it does not poll the body, so a timer in the body would not run. Instead, the body records its progress in its
//! [`OpenStream`], and the task that runs the call checks it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{self, Sleep};
use tonic::Status;
use tonic::body::Body;

use crate::admission::{ConnectionEnd, HandedOver, OpenStream};
use crate::telemetry::ServerCounters;

/// Runs a call until it ends, its client does not read the answer within the time limit, or another connection takes
/// its slot. Dropping a call before its end resets its stream.
///
/// The library frees a reset stream when it can write to the connection. If it cannot, the memory of a stream without a
/// slot would not be counted, so the connection is closed.
pub(super) async fn run(
    call: impl Future<Output = ()>,
    stream: &OpenStream,
    limit: Duration,
    counters: &ServerCounters,
) {
    let is_taken_away = run_to_end(call, stream, limit, counters).await;
    if is_taken_away && stream.has_parts() {
        stream.connection().end(ConnectionEnd::SlowReader);
    }
}

/// Returns whether the call ended because it was displaced. It is dropped by then.
async fn run_to_end(
    call: impl Future<Output = ()>,
    stream: &OpenStream,
    limit: Duration,
    counters: &ServerCounters,
) -> bool {
    let mut call = pin!(call);
    let mut stalled = None;
    let mut taken_away = None;
    poll_fn(|context| {
        if call.as_mut().poll(context).is_ready() {
            return Poll::Ready(false);
        }
        // Most calls never get here: their whole answer is taken immediately.
        if taken_away.is_none() {
            taken_away = stream.taken_away().map(|token| Box::pin(token.clone().cancelled_owned()));
        }
        let is_taken_away = taken_away.as_mut().is_some_and(|token| token.as_mut().poll(context).is_ready());
        if is_taken_away {
            stream.give_up();
            return Poll::Ready(true);
        }
        let is_late = poll_stall(&mut stalled, stream, limit, context);
        if is_late {
            stream.give_up();
            counters.calls.undelivered.add_one();
            tracing::debug!("call cancelled: sending the answer timed out because the client did not read it");
            return Poll::Ready(false);
        }
        Poll::Pending
    })
    .await
}

/// A wait for the client to read.
struct Stall {
    timer: Pin<Box<Sleep>>,
    /// How often the client had read something when the wait began.
    taken_before: u32,
}

/// Whether the client has read nothing for the whole limit.
fn poll_stall(stalled: &mut Option<Stall>, stream: &OpenStream, limit: Duration, context: &mut Context<'_>) -> bool {
    loop {
        if !stream.is_owed() {
            *stalled = None;
            return false;
        }
        let stall =
            stalled.get_or_insert_with(|| Stall { timer: Box::pin(time::sleep(limit)), taken_before: stream.taken() });
        if stall.timer.as_mut().poll(context).is_pending() {
            return false;
        }
        if stall.taken_before == stream.taken() {
            return true;
        }
        *stalled = None;
    }
}

/// The body of an answer, which records its progress.
pub(super) struct DeliveredBody {
    body: Body,
    /// `None` for the refusal of a stream, which has only a head.
    stream: Option<Arc<OpenStream>>,
}

impl DeliveredBody {
    /// The body of an answer whose head is handed over now.
    pub(super) fn new(body: Body, stream: Arc<OpenStream>) -> Self {
        stream.hand_over_head();
        Self { body, stream: Some(stream) }
    }

    pub(super) const fn without_stream(body: Body) -> Self {
        Self { body, stream: None }
    }
}

impl HttpBody for DeliveredBody {
    type Data = DeliveredBytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let stream = self.stream.as_ref();
        if let (true, Some(stream)) = (polled.is_pending(), stream) {
            stream.has_room();
        }
        polled.map_ok(|frame| {
            let handed_over = stream.map(OpenStream::hand_over_part);
            frame.map_data(|bytes| DeliveredBytes { bytes, _handed_over: handed_over })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A part of an answer. The HTTP/2 library drops it when its bytes were sent.
#[derive(Debug)]
pub(super) struct DeliveredBytes {
    bytes: Bytes,
    _handed_over: Option<HandedOver>,
}

impl Buf for DeliveredBytes {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}
