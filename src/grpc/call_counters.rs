//! How many calls ended in a way that is the server's doing.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct EventCount(AtomicU64);

impl EventCount {
    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counted by the layers, for metrics.
#[derive(Debug, Default)]
pub struct CallCounters {
    /// Calls that were refused because the server serves as many as it can.
    pub shed: EventCount,
    /// Calls that were refused because their caller holds its share.
    pub over_share: EventCount,
    /// Calls without a proven caller that were refused, or ended to make room for those of another connection.
    pub unproven_refused: EventCount,
    /// Calls whose message did not arrive in time.
    pub message_timeouts: EventCount,
    /// Calls whose client did not take the answer in time.
    pub undelivered: EventCount,
    /// Calls that ran into their deadline, whoever set it.
    pub deadlines_exceeded: EventCount,
    /// Calls that ended in a panic.
    pub panics: EventCount,
    /// Calls whose message was too large.
    pub oversized_messages: EventCount,
}
