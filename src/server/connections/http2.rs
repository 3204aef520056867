//! HTTP/2 on one connection, from its preface to its end.

mod call_executor;
mod delivery;
mod request_body;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time;
use tonic::body::Body;
use tower::ServiceExt;

use self::call_executor::CallExecutor;
use self::delivery::DeliveredBody;
use self::request_body::{DiscardLimits, RequestBody};
use super::connection::Connection;
use super::read_turn::ReadTurn;
use super::shared::{CLOSE_GRACE, Shared};
use crate::admission::{ConnectionEntry, OpenStream};
use crate::calls::{CallOrigin, IncomingCall};
use crate::config::LimitSettings;
use crate::grpc::refusal_of_stream;
use access_broker_base::pacing::{jittered, random_fraction};

/// Streams that a client may open and reset before the server has read them (CVE-2023-44487, "rapid reset").
const MAX_PENDING_ACCEPT_RESET_STREAMS: usize = 20;

/// What a client may send ahead on one stream, in bytes: more than nearly every message has. Messages are read as soon
/// as their caller is authenticated, so only unauthenticated streams hold this much.
const STREAM_WINDOW_BYTES: u32 = 32 * 1_024;

/// What it may send ahead on all streams together.
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1_024;

/// The maximum number of header fields of a request: several times what clients and meshes send. By HPACK a field takes
/// one byte on the wire and some hundred in memory.
const MAX_HEADER_FIELDS: usize = 128;

/// How much of an answer the library buffers while its client has no room, in bytes.
const SEND_BUFFER_BYTES: usize = 16 * 1_024;

/// Why a client is told to leave.
enum CloseReason {
    Stop,
    Age,
    Idle,
}

/// Serves calls until the connection ends: closed by the client, too old, idle, or because the server stops.
///
/// The client is told to leave by GOAWAY and may finish its calls. If it has none, it may take [`CLOSE_GRACE`] to
/// leave.
pub(super) async fn serve(connection: Connection, entry: &Arc<ConnectionEntry>, shared: &Shared) {
    let Shared { limits, counters, stop, cut, .. } = shared;
    let (info, turn) = (connection.info().clone(), connection.turn().clone());
    let tasks = shared.tasks.clone();
    let rest = DiscardLimits { limit: limits.message_timeout, tasks: tasks.clone(), stop: stop.clone() };
    let calls = CallExecutor::new(tasks, Arc::clone(entry), limits.delivery_timeout, Arc::clone(counters));
    let service = service_fn(|request: Request<Incoming>| {
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
        async move {
            match answer {
                Some(answer) => answer.await,
                // As the library answers metadata that are too large (RFC 6585 section 5).
                None if has_too_many_fields => Ok(too_many_fields()),
                None => Ok(refusal_of_stream().map(DeliveredBody::without_stream)),
            }
        }
    });
    let watched = shared.sent_errors.clone().watch(connection, info.peer.ip());
    let mut http = pin!(builder(limits, calls.clone()).serve_connection(TokioIo::new(watched), service));

    let reason = tokio::select! {
        ended = in_turns(http.as_mut(), &turn) => return log_end(ended),
        () = cut.cancelled() => return,
        why = entry.ended() => return shared.note_end(why),
        () = stop.cancelled() => CloseReason::Stop,
        // A random age, so that connections that began together, for example after a restart, do not all reconnect
        // together.
        () = time::sleep(jittered(limits.connection_age, random_fraction())) => CloseReason::Age,
        () = without_calls(entry.calls().subscribe(), limits.connection_idle) => CloseReason::Idle,
    };
    turn.lift();
    http.as_mut().graceful_shutdown();
    let grace = match reason {
        // The server's own grace ends in `cut`.
        CloseReason::Stop => Duration::MAX,
        CloseReason::Age => {
            counters.connections_aged.add_one();
            limits.connection_age_grace
        }
        CloseReason::Idle => {
            counters.connections_idle.add_one();
            limits.connection_age_grace
        }
    };
    tokio::select! {
        ended = http => log_end(ended),
        why = entry.ended() => shared.note_end(why),
        () = without_calls(entry.calls().subscribe(), CLOSE_GRACE) => {
            tracing::debug!("connection closed: waiting for an idle client to leave timed out");
        }
        () = time::sleep(grace) => counters.connections_cut.add_one(),
        () = cut.cancelled() => counters.connections_cut.add_one(),
    }
}

fn too_many_fields() -> http::Response<DeliveredBody> {
    let mut answer = http::Response::new(DeliveredBody::without_stream(Body::empty()));
    *answer.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    answer
}

/// Polls a connection, one turn at a time.
async fn in_turns<C: Future>(mut connection: Pin<&mut C>, turn: &ReadTurn) -> C::Output {
    poll_fn(|context| {
        turn.begin();
        connection.as_mut().poll(context)
    })
    .await
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

fn log_end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(error = %anyhow::Error::new(error), "connection failed");
    }
}

/// Returns when no call has been open for this long.
async fn without_calls(mut open: watch::Receiver<usize>, limit: Duration) {
    // The sender lives as long as the connection, and this future no longer.
    while open.wait_for(|open| *open == 0).await.is_ok() {
        tokio::select! {
            () = time::sleep(limit) => return,
            _ = open.changed() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_that_comes_and_goes_begins_the_wait_anew() {
        let open = watch::Sender::new(1);
        let limit = Duration::from_secs(10);
        let begun = Instant::now();
        let waiting = tokio::spawn(without_calls(open.subscribe(), limit));
        time::sleep(Duration::from_mins(1)).await;
        assert!(!waiting.is_finished(), "a call is open");
        open.send_replace(0);
        time::sleep(Duration::from_secs(9)).await;
        open.send_replace(1);
        open.send_replace(0);
        waiting.await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 79);
    }
}
