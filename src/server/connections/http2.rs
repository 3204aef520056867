//! HTTP/2 on one connection, from its preface to its end.

mod call_executor;

use std::pin::{Pin, pin};
use std::sync::Arc;

use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http2::{self, Builder};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tonic::body::Body;
use tower::ServiceExt;

use self::call_executor::CallExecutor;
use super::connection::Connection;
use super::delivery::DeliveredBody;
use super::lifetime::{self, Departure, log_failure};
use super::request_body::{DiscardLimits, RequestBody};
use super::shared::{CLOSE_GRACE, MAX_HEADER_FIELDS, Shared};
use crate::admission::{ConnectionEntry, OpenStream};
use crate::calls::{CallOrigin, IncomingCall};
use crate::config::LimitSettings;
use crate::grpc::{self, is_grpc};
use crate::http::refusal_of_stream as http_refusal;

/// Streams that a client may open and reset before the server has read them (CVE-2023-44487, "rapid reset").
const MAX_PENDING_ACCEPT_RESET_STREAMS: usize = 20;

/// What a client may send ahead on one stream, in bytes: more than nearly every message has. Messages are read as soon
/// as their caller is authenticated, so only unauthenticated streams hold this much.
const STREAM_WINDOW_BYTES: u32 = 32 * 1_024;

/// What it may send ahead on all streams together.
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1_024;

/// How much of an answer the library buffers while its client has no room, in bytes.
const SEND_BUFFER_BYTES: usize = 16 * 1_024;

/// Serves calls until the connection ends. The client is told to leave by GOAWAY.
pub(super) async fn serve(connection: Connection, entry: &Arc<ConnectionEntry>, shared: &Shared) {
    let Shared { limits, counters, stop, .. } = shared;
    let (info, turn) = (connection.info().clone(), connection.turn().clone());
    let tasks = shared.tasks.clone();
    let rest = DiscardLimits { limit: limits.message_timeout, tasks: tasks.clone(), stop: stop.clone() };
    let calls = CallExecutor::new(tasks, Arc::clone(entry), limits.delivery_timeout, Arc::clone(counters));
    let service = service_fn(|request: Request<Incoming>| {
        let is_grpc = !info.protocols.http || is_grpc(request.headers());
        let has_too_many_fields = request.headers().len() > MAX_HEADER_FIELDS;
        let stream = if has_too_many_fields { None } else { OpenStream::accept(entry, &shared.streams) };
        calls.announce(stream.clone());
        if has_too_many_fields {
            counters.oversized_metadata.add_one();
        } else if stream.is_none() {
            shared.note_refused_stream(info.peer.ip());
        }
        let answer = stream.map(|stream| {
            let request = request.map(|body| Body::new(RequestBody::new(body, Arc::clone(&stream), rest.clone())));
            let (connection, origin) = (info.clone(), CallOrigin::Client);
            let incoming = IncomingCall { request, connection, stream: Arc::clone(&stream), origin };
            let answer = shared.service.clone().oneshot(incoming);
            async move { answer.await.map(|answer| answer.map(|body| DeliveredBody::new(body, stream))) }
        });
        let refusal = if is_grpc { grpc::refusal_of_stream } else { http_refusal };
        async move {
            match answer {
                Some(answer) => answer.await,
                // As the library answers metadata that are too large (RFC 6585 section 5).
                None if has_too_many_fields => Ok(too_many_fields()),
                None => Ok(refusal().map(DeliveredBody::without_stream)),
            }
        }
    });
    let watched = shared.sent_errors.clone().watch(connection, info.peer.ip());
    let mut http = pin!(builder(limits, calls.clone()).serve_connection(TokioIo::new(watched), service));

    let departure = Departure {
        tell: http2::Connection::graceful_shutdown,
        quiet_after_age: CLOSE_GRACE,
        end: |_: Pin<&mut _>| {},
    };
    if let Err(error) = lifetime::run(http.as_mut(), departure, &turn, entry, shared).await {
        log_failure(error);
    }
}

fn too_many_fields() -> http::Response<DeliveredBody> {
    let mut answer = http::Response::new(DeliveredBody::without_stream(Body::empty()));
    *answer.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    answer
}

fn builder(limits: &LimitSettings, calls: CallExecutor) -> Builder<CallExecutor> {
    let mut builder = Builder::new(calls);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_streams_per_connection)
        .max_local_error_reset_streams(limits.max_reset_streams as usize)
        .max_pending_accept_reset_streams(MAX_PENDING_ACCEPT_RESET_STREAMS)
        .max_header_list_size(limits.max_metadata_size)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        // Without it, half-open connections would remain until they are idle or old.
        .keep_alive_interval(limits.keepalive_interval)
        .keep_alive_timeout(limits.keepalive_timeout)
        .max_send_buf_size(SEND_BUFFER_BYTES);
    builder
}
