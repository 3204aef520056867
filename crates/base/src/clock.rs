//! The source of the current time.

use std::time::SystemTime;

/// 9999-12-31T23:59:59Z in seconds since the epoch: beyond it, a year has more than the four digits of RFC 3339.
pub const LAST_SECOND_OF_9999: u64 = 253_402_300_799;

/// A source of the current time, passed to everything that decides or signs by it.
///
/// # Invariant
///
/// Each call reads the clock once and uses that instant for all of its checks and signatures. Two readings could
/// disagree, because of midnight or because the clock was set.
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
