//! Admin HTTP on a separate port: `/livez`, `/readyz` and `/metrics`; see `routes`.
//!
//! In a cluster this port is open to other machines, so it has its own limits: of connections, of the time until a
//! request has arrived, and of the time until it is answered. Each connection serves one request, so none lasts longer
//! than these two times.

mod accept;
mod exchange;
mod routes;
mod slots;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;

use self::exchange::RequestLimits;
pub(super) use self::routes::routes;
use self::slots::{Admission, Slots};
use super::listening::accept_backoff::{AcceptBackoff, AcceptFailure, is_of_one_connection};
use crate::config::LimitSettings;
use crate::telemetry::AdminCounters;

/// The time limit from the last header of a request to the last byte of its answer. A scrape takes milliseconds; on a
/// slow network or a busy machine it may take seconds.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Limits of the admin port's clients.
#[derive(Debug, Clone, Copy)]
pub(super) struct AdminLimits {
    max_connections: u32,
    request: RequestLimits,
}

impl From<&LimitSettings> for AdminLimits {
    fn from(limits: &LimitSettings) -> Self {
        let request = RequestLimits { header: limits.admin_header_timeout, answer: ANSWER_LIMIT };
        Self { max_connections: limits.admin_max_connections, request }
    }
}

/// Serves until `stop`, then answers the requests that have arrived and closes the other connections. One connection
/// cannot end it.
pub(super) async fn serve(
    listener: TcpListener,
    routes: axum::Router,
    limits: AdminLimits,
    counters: Arc<AdminCounters>,
    stop: CancellationToken,
) {
    let slots = Slots::new(limits.max_connections as usize, limits.request.header);
    let mut connections = JoinSet::new();
    let mut backoff = AcceptBackoff::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // Removes connections that have ended.
            Some(_ended) = connections.join_next() => continue,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                backoff.succeeded();
                admit(stream, &slots, &routes, limits.request, &counters, &mut connections).await;
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                counters.accept_errors.add_one();
                let AcceptFailure { pause, is_logged } = backoff.failed(Instant::now());
                if is_logged {
                    tracing::warn!(%error, "accepting connections on the admin port failed; the server retries");
                }
                tokio::select! {
                    () = time::sleep(pause) => {}
                    () = stop.cancelled() => break,
                }
            }
        }
    }
    drop(listener);
    slots.close_waiting();
    while connections.join_next().await.is_some() {}
}

/// Serves a connection in a separate task if there is a slot for it; otherwise closes it. A connection that displaces
/// another waits until that one is closed, so that the limit is never exceeded.
async fn admit(
    stream: TcpStream,
    slots: &Arc<Slots>,
    routes: &axum::Router,
    limits: RequestLimits,
    counters: &Arc<AdminCounters>,
    connections: &mut JoinSet<()>,
) {
    let slot = match slots.take(Instant::now()) {
        Admission::Free(slot) => slot,
        Admission::Displacing(slot, closed) => {
            counters.displaced.add_one();
            closed.cancelled().await;
            slot
        }
        Admission::Refused => {
            counters.refused.add_one();
            return;
        }
    };
    counters.accepted.add_one();
    // An answer is one small write, and waiting for more only delays it. If this option fails, nothing else is
    // affected.
    let _delayed_at_worst = stream.set_nodelay(true);
    let (routes, open) = (routes.clone(), Open(Arc::clone(counters)));
    connections.spawn(async move { exchange::serve(stream, slot, routes, limits, &open.0).await });
}

/// Counts the end of a connection, for every way to end.
struct Open(Arc<AdminCounters>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.closed.add_one();
    }
}
