//! What happened to connections of the admin port, for metrics.

use crate::calls::EventCount;

#[derive(Debug, Default)]
pub(crate) struct AdminCounters {
    /// Connections that were accepted and got a place.
    pub(crate) accepted: EventCount,
    /// Those that have ended since, however they ended.
    pub(crate) closed: EventCount,
    /// Connections that were closed at once because `limits.admin_max_connections` others were open and busy.
    pub(crate) refused: EventCount,
    /// Connections that were closed because their request or the reading of their answer took too long.
    pub(crate) timed_out: EventCount,
    /// Connections that were closed for lack of progress, to make room for a new one.
    pub(crate) displaced: EventCount,
    /// Failures to accept that are the machine's, such as too many open files.
    pub(crate) accept_errors: EventCount,
}

impl AdminCounters {
    /// Connections that are open now.
    #[must_use]
    pub(crate) fn open(&self) -> u64 {
        // Read in this order, a connection that ends in between is counted as open, never as less than none.
        let closed = self.closed.get();
        self.accepted.get().saturating_sub(closed)
    }
}
