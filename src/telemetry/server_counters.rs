//! Counts connections and calls, for metrics.

use std::sync::Arc;

use super::http2_errors::Http2Errors;
use crate::calls::{CallCounters, EventCounter};

/// Counted by the listeners and by every connection.
#[derive(Debug, Default)]
pub struct ServerCounters {
    /// Connections that were accepted and got a slot.
    pub connections_accepted: EventCounter,
    /// Those that have ended since, for every way to end.
    pub(crate) connections_closed: EventCounter,
    /// Connections that were refused because the limit is reached.
    pub connections_refused: EventCounter,
    /// Connections that were refused because the limit per address is reached.
    pub(crate) connections_refused_address: EventCounter,
    /// Connections that were refused because the limit of handshakes per address is reached.
    pub(crate) connections_refused_handshakes: EventCounter,
    /// Idle unauthenticated connections that were closed to admit another one.
    pub connections_displaced: EventCounter,
    /// Connections that were closed because their client did not read an answer within the time limit.
    pub(crate) connections_stalled: EventCounter,
    /// Connections whose client was told to leave because of their age.
    pub connections_aged: EventCounter,
    /// Connections whose client was told to leave because they had no calls.
    pub connections_idle: EventCounter,
    /// Connections that were closed with calls in flight, after the grace of their age or of the server's stop.
    pub connections_cut: EventCounter,
    /// Failed handshakes: no TLS, an invalid certificate, or a timeout.
    pub(crate) handshakes_failed: EventCounter,
    /// Connections whose client spoke HTTP/1 and was told to use HTTP/2.
    pub http1_clients: EventCounter,
    /// Connections whose client spoke neither HTTP/2 nor HTTP/1. They were closed without an answer.
    pub not_http: EventCounter,
    /// Connections of HTTP/1 that ended because the head of a request is invalid. The library answered with 400.
    pub(crate) http1_invalid: EventCounter,
    /// HTTP/2 errors that were sent to clients.
    pub(crate) http2_errors: Http2Errors,
    /// Calls with too many metadata fields.
    pub(crate) oversized_metadata: EventCounter,
    /// Streams that were refused before their calls were read, because the limit is reached.
    pub(crate) streams_refused: EventCounter,
    /// Failures to accept that concern the machine, such as too many open files.
    pub accept_errors: EventCounter,
    /// Counts of the pipeline.
    pub calls: Arc<CallCounters>,
}

impl ServerCounters {
    /// Connections that are open now, those before their handshake included.
    #[must_use]
    pub fn connections_open(&self) -> u64 {
        // In this order, a connection that ends in between counts as open, and the difference is never negative.
        let closed = self.connections_closed.get();
        self.connections_accepted.get().saturating_sub(closed)
    }
}
