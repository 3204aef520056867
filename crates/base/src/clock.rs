//! The one place where time comes from.

use std::time::SystemTime;

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
