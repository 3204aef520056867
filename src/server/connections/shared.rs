//! State that all connections share.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::line_budget::LineBudget;
use super::log_throttle::LogThrottle;
use super::sent_errors::SentErrors;
use crate::admission::{AddressCap, ConnectionEnd, ConnectionLedger, StreamBudgets};
use crate::config::LimitSettings;
use crate::server::services::CallService;
use crate::telemetry::ServerCounters;

/// How long a client without calls may take to close the connection after it was told to: a round trip and a little.
/// Dead peers never close it.
pub(super) const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// The maximum number of header fields of a request: several times what clients and meshes send. By HPACK a field takes
/// one byte on the wire and some hundred in memory.
pub(super) const MAX_HEADER_FIELDS: usize = 128;

pub(super) struct Shared {
    pub(super) service: CallService,
    pub(super) limits: LimitSettings,
    pub(super) counters: Arc<ServerCounters>,
    pub(super) streams: StreamBudgets,
    pub(super) sent_errors: SentErrors,
    /// Connections, and the calls on them.
    pub(super) tasks: TaskTracker,
    /// Cancelled when the server begins to drain: answers over HTTP/1 tell their clients to leave.
    pub(super) drain: CancellationToken,
    /// Cancelled when every client is told to leave.
    pub(super) stop: CancellationToken,
    /// Cancelled when every connection must close immediately.
    pub(super) cut: CancellationToken,
    pub(super) ledger: Arc<ConnectionLedger>,
    pub(super) handshakes: Semaphore,
    pub(super) handshakes_by_address: Arc<AddressCap>,
    pub(super) throttles: RefusalThrottles,
    pub(super) failed_handshakes: LineBudget,
}

#[derive(Default)]
pub(super) struct RefusalThrottles {
    pub(super) total: LogThrottle,
    pub(super) address: LogThrottle,
    pub(super) handshakes: LogThrottle,
    displaced: LogThrottle,
    pub(super) streams: LogThrottle,
    pub(super) http1: LogThrottle,
}

impl Shared {
    /// Counts and logs a stream that was refused before its call was read.
    pub(super) fn note_refused_stream(&self, peer: Option<IpAddr>) {
        self.counters.streams_refused.add_one();
        if self.throttles.streams.admit(Instant::now()) {
            let peer = peer.map(tracing::field::display);
            let limits = "limits.max_streams, limits.max_unproven_streams";
            tracing::warn!(peer, limits, "call refused: stream limit reached; further refusals are only counted");
        }
    }

    /// Counts and logs a connection that was closed because of others.
    pub(super) fn note_end(&self, why: ConnectionEnd) {
        match why {
            ConnectionEnd::Displaced => {
                self.counters.connections_displaced.add_one();
                if self.throttles.displaced.admit(Instant::now()) {
                    tracing::warn!(
                        limits = "limits.max_connections, limits.max_unproven_connections",
                        "connection limit reached: connections without an authenticated caller are closed to admit new ones"
                    );
                }
            }
            ConnectionEnd::SlowReader => {
                self.counters.connections_stalled.add_one();
                tracing::debug!("connection closed: sending an answer timed out because the client did not read it");
            }
        }
    }
}

impl LogThrottle {
    /// Logs a refused connection, once per episode.
    pub(super) fn log_refusal(&self, peer: Option<IpAddr>, limit: &'static str) {
        if self.admit(Instant::now()) {
            let peer = peer.map(tracing::field::display);
            tracing::warn!(peer, limit, "connection refused: limit reached; further refusals are only counted");
        }
    }
}
