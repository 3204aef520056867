//! The log of one broker inside a test.

use std::cell::RefCell;
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
    _capture: Capture,
}

thread_local! {
    /// The captures of this thread, the newest last, and whether each is in use.
    static CAPTURES: RefCell<Vec<(DefaultGuard, bool)>> = const { RefCell::new(Vec::new()) };
}

/// Captures what is logged on this thread. A guard of the library restores what was captured before it, so guards must be
/// dropped in the reverse order: if the first of two brokers ended first, its log would capture what later tests of this
/// thread write.
struct Capture {
    index: usize,
}

impl Capture {
    fn start(guard: DefaultGuard) -> Self {
        CAPTURES.with_borrow_mut(|captures| {
            captures.push((guard, true));
            Self { index: captures.len() - 1 }
        })
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        CAPTURES.with_borrow_mut(|captures| {
            captures[self.index].1 = false;
            while captures.pop_if(|(_, is_used)| !*is_used).is_some() {}
        });
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(super) fn capture() -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        let settings = LogSettings { format: LogFormat::Json, level: Level::TRACE };
        let guard = tracing::subscriber::set_default(subscriber(settings, move || writer.clone()));
        Self { lines, _capture: Capture::start(guard) }
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

#[test]
fn the_first_of_two_captures_may_end_first() {
    let (first, second) = (Log::capture(), Log::capture());
    drop(first);
    tracing::info!(target: "access", "in the second");
    assert!(second.text().contains("in the second"));
    let kept = second.lines.clone();
    drop(second);
    tracing::info!(target: "access", "in none");
    assert!(!String::from_utf8_lossy(&locked(&kept.0)).contains("in none"));
}
