//! What happened to connections and calls, for metrics.

use std::sync::Arc;

use super::http2_errors::Http2Errors;
use crate::calls::{CallCounters, EventCount};

/// Counted by the listeners and by every connection.
#[derive(Debug, Default)]
pub struct ServerCounters {
    /// Connections that were accepted and got a place.
    pub connections_accepted: EventCount,
    /// Those that have ended since, however they ended.
    pub(crate) connections_closed: EventCount,
    /// Connections that were closed at once because all places were taken.
    pub connections_refused: EventCount,
    /// Connections that were closed at once because their address has as many as it may.
    pub(crate) connections_refused_address: EventCount,
    /// Connections that were closed at once because their address has as many handshakes under way as it may.
    pub(crate) connections_refused_handshakes: EventCount,
    /// Idle connections without a proven caller that were closed to make room for another one.
    pub connections_displaced: EventCount,
    /// Connections that were closed because their client did not take an answer in time.
    pub(crate) connections_stalled: EventCount,
    /// Connections whose client was told to leave because of their age.
    pub connections_aged: EventCount,
    /// Connections whose client was told to leave because they had no calls.
    pub connections_idle: EventCount,
    /// Connections that were cut off with calls in flight, after the grace of their age or of the server's stop.
    pub connections_cut: EventCount,
    /// Handshakes that came to nothing: no TLS, the wrong certificate, too slow.
    pub(crate) handshakes_failed: EventCount,
    /// Connections whose client spoke HTTP/1 and was told to speak HTTP/2.
    pub http1_clients: EventCount,
    /// Connections whose client spoke neither HTTP/2 nor HTTP/1, and that were closed without a word.
    pub not_http: EventCount,
    /// Errors of HTTP/2 that were sent to clients.
    pub(crate) http2_errors: Http2Errors,
    /// Calls whose metadata have too many fields.
    pub(crate) oversized_metadata: EventCount,
    /// Streams that were refused before anything was known of their calls, because too many are open.
    pub(crate) streams_refused: EventCount,
    /// Failures to accept that are the machine's, such as too many open files.
    pub accept_errors: EventCount,
    /// What was counted on the way of calls.
    pub calls: Arc<CallCounters>,
}

impl ServerCounters {
    /// Connections that are open now, those that have not shaken hands yet included.
    #[must_use]
    pub fn connections_open(&self) -> u64 {
        // Read in this order, a connection that ends in between is counted as open, never as less than none.
        let closed = self.connections_closed.get();
        self.connections_accepted.get().saturating_sub(closed)
    }
}
