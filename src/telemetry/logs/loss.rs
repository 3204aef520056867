//! What was lost of the log.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a line is not in the log, or not as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LossCause {
    /// The reader of the log is too slow, and the queue was full.
    QueueFull,
    /// Standard error refused it: the reader has gone, the disk is full.
    WriteFailed,
    /// It was too long and was cut.
    TooLong,
}

impl LossCause {
    pub(crate) const ALL: [Self; 3] = [Self::QueueFull, Self::WriteFailed, Self::TooLong];

    /// Its name in metrics.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::WriteFailed => "write_failed",
            Self::TooLong => "too_long",
        }
    }
}

/// How many lines were lost.
#[derive(Debug, Default)]
pub struct LogCounts {
    queue_full: AtomicU64,
    write_failed: AtomicU64,
    too_long: AtomicU64,
}

impl LogCounts {
    /// The lines that were lost by this cause since the start.
    #[must_use]
    pub(crate) fn lost(&self, cause: LossCause) -> u64 {
        self.counter(cause).load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, cause: LossCause, lines: usize) {
        self.counter(cause).fetch_add(lines as u64, Ordering::Relaxed);
    }

    const fn counter(&self, cause: LossCause) -> &AtomicU64 {
        match cause {
            LossCause::QueueFull => &self.queue_full,
            LossCause::WriteFailed => &self.write_failed,
            LossCause::TooLong => &self.too_long,
        }
    }
}
