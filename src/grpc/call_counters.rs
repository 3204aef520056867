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
    /// Calls that were refused because too many others were in flight.
    pub shed: EventCount,
    /// Calls that ran into their deadline, whoever set it.
    pub deadlines_exceeded: EventCount,
    /// Calls that ended in a panic.
    pub panics: EventCount,
    /// Calls whose message was too large.
    pub oversized_messages: EventCount,
}
