//! What the program holds of its log.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use super::loss::LogCounts;
use super::queue::LogQueue;

/// The running log. Clones share everything.
#[derive(Debug, Clone)]
pub struct LogHandle {
    queue: LogQueue,
}

impl LogHandle {
    pub(super) const fn new(queue: LogQueue) -> Self {
        Self { queue }
    }

    /// What was lost so far.
    #[must_use]
    pub fn counts(&self) -> &Arc<LogCounts> {
        self.queue.counts()
    }

    /// Waits until the lines so far are written, and tells whether they are: a reader that stalls must not hold up the
    /// end of the process. Blocks the thread for `patience` at most.
    #[must_use]
    pub fn flush(&self, patience: Duration) -> bool {
        let (written, all_written) = mpsc::channel();
        self.queue.ask_for_flush(written) && all_written.recv_timeout(patience).is_ok()
    }
}
