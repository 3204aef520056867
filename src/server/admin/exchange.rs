//! One connection of the admin port: one request, one answer.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{self, Instant};
use tower::ServiceExt;

use super::slots::Slot;
use crate::telemetry::AdminCounters;

/// The maximum size of a request, line and headers, in bytes.
const MAX_REQUEST_BYTES: usize = 16 * 1_024;

/// The time limits of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestLimits {
    /// From the start of the connection to the end of the headers.
    pub(super) header: Duration,
    /// From there to the last byte of the answer.
    pub(super) answer: Duration,
}

/// Serves the connection's one request, and closes the connection: after the answer, at a time limit, or when another
/// connection takes the slot.
pub(super) async fn serve(
    stream: TcpStream,
    slot: Slot,
    routes: Router,
    limits: RequestLimits,
    counters: &AdminCounters,
) {
    let arrived = Notify::new();
    let answer = |request: http::Request<Incoming>| {
        slot.request_arrived(Instant::now());
        arrived.notify_one();
        routes.clone().oneshot(request.map(Body::new))
    };
    let connection = pin!(
        Builder::new()
            .keep_alive(false)
            .max_buf_size(MAX_REQUEST_BYTES)
            // Both limits are applied here, because requests and answers can be transferred byte by byte.
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(stream), service_fn(answer))
    );
    let time_is_up = async {
        if time::timeout(limits.header, arrived.notified()).await.is_ok() {
            time::sleep(limits.answer).await;
        }
    };
    tokio::select! {
        // Clients that leave early and requests other than HTTP are not reported.
        _served = connection => {}
        () = time_is_up => counters.timed_out.add_one(),
        () = slot.must_give_way() => {}
    }
}
