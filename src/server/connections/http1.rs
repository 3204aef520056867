//! HTTP/1 on one connection, from its first request to its end.
//!
//! A connection has one call at a time, which runs on the task of the connection.

mod head_limit;

use std::fmt;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::header::{CONNECTION, EXPECT};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1::{self, Builder};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tower::ServiceExt;

use self::head_limit::{EndOfCall, HeadLimit, Phase};
use super::connection::Connection;
use super::delivery::{DeliveredBody, DeliveredBytes};
use super::lifetime::{self, Departure, log_failure};
use super::open_call::OpenCall;
use super::request_body::{DiscardLimits, RequestBody};
use super::shared::{MAX_HEADER_FIELDS, Shared};
use crate::admission::{ConnectionEnd, ConnectionEntry, OpenStream};
use crate::calls::{CallOrigin, IncomingCall};
use crate::http::{has_clear_length, refusal_of_stream};

/// The library's minimum for its buffer, which a request's head must fit into, in bytes.
const MIN_BUFFER_BYTES: usize = 8_192;

/// Serves calls until the connection ends, as HTTP/2 does. The client is told to leave by `connection: close` in its next
/// answer: a connection that closes without a word may lose the request that is on its way.
pub(super) async fn serve(connection: Connection, entry: &Arc<ConnectionEntry>, shared: &Shared) {
    let Shared { limits, tasks, stop, .. } = shared;
    let (info, turn) = (connection.info().clone(), connection.turn().clone());
    let rest = DiscardLimits { limit: limits.message_timeout, tasks: tasks.clone(), stop: stop.clone() };
    let phase = Phase::default();
    let answered = watch::Sender::new(None);
    let must_leave = AtomicBool::new(false);
    let service = service_fn(|request: Request<Incoming>| {
        let is_pipelined = phase.begin_call();
        let _former = answered.send_replace(None);
        let open = (OpenCall::begin(entry), phase.end_of_call());
        let has_clear_end = has_clear_end(request.headers());
        let stream = OpenStream::accept(entry, &shared.streams);
        if stream.is_none() {
            shared.note_refused_stream(info.peer.ip());
        }
        let answer = stream.map(|stream| {
            let request = request.map(|body| Body::new(RequestBody::new(body, Arc::clone(&stream), rest.clone())));
            let (connection, origin) = (info.clone(), CallOrigin::Client);
            let incoming = IncomingCall { request, connection, stream: Arc::clone(&stream), origin };
            (shared.service.clone().oneshot(incoming), stream)
        });
        let (answered, must_leave) = (&answered, &must_leave);
        async move {
            if is_pipelined {
                // The library would serve many calls in one turn, and other connections would wait for all of them.
                tokio::task::yield_now().await;
            }
            let Some((answer, stream)) = answer else {
                let refusal = refusal_of_stream();
                return Ok(refusal.map(|body| AnswerBody { body: DeliveredBody::without_stream(body), _open: open }));
            };
            let mut answer = unless_taken_away(answer, &stream).await?;
            if !has_clear_end || must_leave.load(Ordering::Relaxed) || shared.drain.is_cancelled() {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            answered.send_replace(stream.taken_away().cloned());
            Ok::<_, GivenUp>(answer.map(|body| AnswerBody { body: DeliveredBody::new(body, stream), _open: open }))
        }
    });
    let head_limit = HeadLimit::new(connection, phase.clone(), limits.handshake_timeout);
    let mut builder = Builder::new();
    builder
        // `HeadLimit` has its own, which does not end connections that are merely idle.
        .header_read_timeout(None)
        .max_headers(MAX_HEADER_FIELDS)
        .max_buf_size((limits.max_metadata_size as usize).max(MIN_BUFFER_BYTES));
    let mut http = pin!(builder.serve_connection(TokioIo::new(head_limit), service));
    let departure = Departure {
        tell: |_: Pin<&mut _>| must_leave.store(true, Ordering::Relaxed),
        // The next answer tells the client. Without one, the connection ends before the grace of calls does.
        quiet_after_age: limits.connection_age_grace / 2,
        end: http1::Connection::graceful_shutdown,
    };
    tokio::select! {
        ended = lifetime::run(http.as_mut(), departure, &turn, entry, shared) => {
            if let Err(error) = ended {
                note_failure(error, info.peer.ip(), shared);
            }
        }
        () = displaced(answered.subscribe()) => {
            entry.end(ConnectionEnd::SlowReader);
            shared.note_end(ConnectionEnd::SlowReader);
        }
    }
}

/// The library has answered a head that it cannot read: with 431 if it is too large, otherwise with 400. No layer above
/// it saw a call.
fn note_failure(error: hyper::Error, peer: Option<IpAddr>, shared: &Shared) {
    if error.is_parse_too_large() {
        shared.counters.oversized_metadata.add_one();
    } else if error.is_parse() {
        shared.counters.http1_invalid.add_one();
        if shared.throttles.http1.admit(Instant::now()) {
            let peer = peer.map(tracing::field::display);
            // The library's texts are literals and contain nothing of the request.
            tracing::warn!(peer, cause = %error, "call refused: invalid HTTP/1 request; further refusals are only counted");
        }
    }
    log_failure(error);
}

/// Whether what follows is another request, for a proxy as well. A client that waits for `100 Continue` and gets another
/// answer may send the body or not (RFC 9110 section 10.1.1).
fn has_clear_end(headers: &HeaderMap) -> bool {
    has_clear_length(headers) && !headers.contains_key(EXPECT)
}

/// The call ended because another connection took its slot. The library closes the connection then.
#[derive(Debug)]
struct GivenUp;

impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the call was displaced")
    }
}

impl std::error::Error for GivenUp {}

/// The answer, unless another connection takes the slot of the unauthenticated call first.
async fn unless_taken_away<A>(
    answer: impl Future<Output = Result<Response<A>, std::convert::Infallible>>,
    stream: &OpenStream,
) -> Result<Response<A>, GivenUp> {
    let mut answer = pin!(answer);
    let mut taken_away = None;
    poll_fn(|context| {
        if let Poll::Ready(Ok(answer)) = answer.as_mut().poll(context) {
            return Poll::Ready(Ok(answer));
        }
        if taken_away.is_none() {
            taken_away = stream.taken_away().map(|token| Box::pin(token.clone().cancelled_owned()));
        }
        if taken_away.as_mut().is_some_and(|token| token.as_mut().poll(context).is_ready()) {
            stream.give_up();
            return Poll::Ready(Err(GivenUp));
        }
        Poll::Pending
    })
    .await
}

/// Returns when another connection takes the slot of an answered call whose client has not read the answer.
async fn displaced(mut answered: watch::Receiver<Option<CancellationToken>>) {
    loop {
        let token = answered.borrow_and_update().clone();
        let taken_away = async {
            match token {
                Some(token) => token.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = taken_away => return,
            changed = answered.changed() => {
                if changed.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}

/// The body of an answer. The call ends when it is dropped.
struct AnswerBody {
    body: DeliveredBody,
    _open: (OpenCall, EndOfCall),
}

impl HttpBody for AnswerBody {
    type Data = DeliveredBytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
