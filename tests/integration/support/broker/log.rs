//! The log of one broker inside a test.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use access_broker::telemetry::{LogFormat, LogSettings, subscriber};
use serde_json::Value;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

use crate::support::events::Event;
use crate::support::{PATIENCE, eventually};

/// Everything that is logged on this thread. Lines of other threads are in
/// [`crate::support::secrets`].
pub(crate) struct Log {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(super) fn capture() -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        let settings = LogSettings { format: LogFormat::Json, level: Level::TRACE };
        let guard = tracing::subscriber::set_default(subscriber(settings, move || writer.clone()));
        Self { lines, _guard: guard }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&locked(&self.lines.0)).into_owned()
    }

    /// Every line of a kind, in order.
    pub(crate) fn of(&self, event: &Event) -> Vec<Value> {
        let lines = self.text();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| event.is(line)).collect()
    }

    /// Every line with this message, in order.
    pub(crate) fn with_message(&self, message: &str) -> Vec<Value> {
        let lines = self.text();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["message"] == message).collect()
    }

    /// The lines of the calls to the service so far.
    pub(crate) fn calls(&self) -> Vec<Value> {
        let lines = self.with_message("call").into_iter();
        lines.filter(|line| line["target"] == "access" && line["method"] == "IssueDownloadUrl").collect()
    }

    /// Waits until a question has an answer.
    pub(crate) async fn wait_for<T>(&self, what: &str, question: impl Fn(&Self) -> Option<T>) -> T {
        eventually(what, PATIENCE, async || question(self).ok_or_else(|| self.text())).await
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        locked(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
