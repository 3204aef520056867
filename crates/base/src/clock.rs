//! The one place where time comes from.

use std::time::SystemTime;

/// 9999-12-31T23:59:59Z in seconds since the epoch: beyond it, a year has more than the four digits of RFC 3339.
pub const LAST_SECOND_OF_9999: u64 = 253_402_300_799;

/// A source of the current time, passed to everything that decides or signs by it.
///
/// # Invariant
///
/// One call reads the clock once and uses that instant for every check and signature of that call, so that a
/// midnight or a leap between two readings cannot make them disagree.
pub trait Clock: Send + Sync + 'static {
    /// The current time.
    fn now(&self) -> SystemTime;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
