//! Counts connections of the admin port, for metrics.

use crate::calls::EventCounter;

#[derive(Debug, Default)]
pub(crate) struct AdminCounters {
    /// Connections that were accepted and got a slot.
    pub(crate) accepted: EventCounter,
    /// Those that have ended since, for every way to end.
    pub(crate) closed: EventCounter,
    /// Connections that were refused because `limits.admin_max_connections` others were open and busy.
    pub(crate) refused: EventCounter,
    /// Connections that were closed because their request or answer timed out.
    pub(crate) timed_out: EventCounter,
    /// Connections without progress that were closed to admit a new one.
    pub(crate) displaced: EventCounter,
    /// Failures to accept that concern the machine, such as too many open files.
    pub(crate) accept_errors: EventCounter,
}

impl AdminCounters {
    /// Connections that are open now.
    #[must_use]
    pub(crate) fn open(&self) -> u64 {
        // In this order, a connection that ends in between counts as open, and the difference is never negative.
        let closed = self.closed.get();
        self.accepted.get().saturating_sub(closed)
    }
}
