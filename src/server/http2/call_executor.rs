//! Runs the calls of one connection, and knows how many are open.

use std::sync::Arc;

use hyper::rt::Executor;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// Every call is a task, from its first header to the last byte of its answer. Clones count together.
#[derive(Clone)]
pub(super) struct CallExecutor {
    tasks: TaskTracker,
    open: Arc<watch::Sender<usize>>,
}

impl CallExecutor {
    /// An executor whose calls belong to these tasks: they are waited for when the server stops.
    pub(super) fn new(tasks: TaskTracker) -> Self {
        Self { tasks, open: Arc::new(watch::Sender::new(0)) }
    }

    /// How many calls are open, now and later.
    pub(super) fn open(&self) -> watch::Receiver<usize> {
        self.open.subscribe()
    }
}

impl<F> Executor<F> for CallExecutor
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, call: F) {
        let open = OpenCall::begin(&self.open);
        self.tasks.spawn(async move {
            call.await;
            drop(open);
        });
    }
}

/// Counts a call for as long as it lives, even if it panics.
struct OpenCall(Arc<watch::Sender<usize>>);

impl OpenCall {
    fn begin(open: &Arc<watch::Sender<usize>>) -> Self {
        open.send_modify(|open| *open += 1);
        Self(Arc::clone(open))
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}
