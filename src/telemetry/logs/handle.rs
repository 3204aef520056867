//! The program's handle of its log.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::{Registry, reload};

use super::loss::LogCounts;
use super::queue::LogQueue;
use super::targets;

/// The running log. Clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct LogHandle {
    queue: LogQueue,
    /// `None` if no subscriber of the process uses it.
    level: Option<reload::Handle<Targets, Registry>>,
}

impl LogHandle {
    pub(super) const fn new(queue: LogQueue) -> Self {
        Self { queue, level: None }
    }

    pub(super) fn with_level(self, level: reload::Handle<Targets, Registry>) -> Self {
        Self { level: Some(level), ..self }
    }

    /// Changes the least severe level of the broker's own events. Access lines and the level of libraries do not
    /// change.
    pub(crate) fn set_level(&self, level: Level) {
        if let Some(handle) = &self.level {
            // If the log ended or was replaced, there is no level to change.
            let _is_gone = handle.reload(targets(level));
        }
    }

    /// Counts of lost lines.
    #[must_use]
    pub(crate) fn counts(&self) -> &Arc<LogCounts> {
        self.queue.counts()
    }

    /// Waits until the lines so far are written, and returns whether they are. A reader that stalls must not delay the
    /// exit: blocks the thread for `patience` at most.
    #[must_use]
    pub(crate) fn flush(&self, patience: Duration) -> bool {
        let (written, all_written) = mpsc::channel();
        self.queue.ask_for_flush(written) && all_written.recv_timeout(patience).is_ok()
    }
}
