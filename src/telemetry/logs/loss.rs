//! Counts of lost log lines.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a line is missing in the log, or incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LossCause {
    /// The queue was full, because the reader of the log is too slow.
    QueueFull,
    /// Standard error refused it: the reader has ended, or the disk is full.
    WriteFailed,
    /// It was too long and was shortened.
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
    /// The number of lines lost for this cause since the start.
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
