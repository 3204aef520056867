//! What is left to do when the last call has ended: flush what the calls have left behind.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time;

/// Closers, run one after the other in the order in which they were added, each within a time limit of its own.
#[derive(Default)]
pub struct Closers(Mutex<Vec<Closer>>);

struct Closer {
    name: &'static str,
    limit: Duration,
    close: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Closers {
    /// Adds one. The name is for the log, where one that is late is told.
    pub fn add(&self, name: &'static str, limit: Duration, close: impl Future<Output = ()> + Send + 'static) {
        let closer = Closer { name, limit, close: Box::pin(close) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(closer);
    }

    pub(super) async fn run(self) {
        for Closer { name, limit, close } in self.0.into_inner().unwrap_or_else(PoisonError::into_inner) {
            if time::timeout(limit, close).await.is_err() {
                tracing::warn!(closer = name, ?limit, "not closed in time, and given up");
            }
        }
    }
}

impl fmt::Debug for Closers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closers").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future;
    use std::sync::{Arc, Mutex};

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn closers_run_in_their_order_and_one_that_hangs_is_left_behind() {
        let done: Arc<Mutex<Vec<&str>>> = Arc::default();
        let closers = Closers::default();
        let record = |name| {
            let done = Arc::clone(&done);
            async move { done.lock().unwrap().push(name) }
        };
        closers.add("first", Duration::from_secs(1), record("first"));
        closers.add("hanging", Duration::from_secs(3), future::pending());
        closers.add("last", Duration::from_secs(1), record("last"));
        let begun = Instant::now();
        closers.run().await;
        assert_eq!(*done.lock().unwrap(), ["first", "last"]);
        assert_eq!(begun.elapsed().as_secs(), 3);
    }
}
