//! States that metrics read at each scrape.

use std::fmt;
use std::sync::Arc;

/// Reads the state of a part of the server, which need not know about metrics.
#[derive(Clone)]
pub(crate) struct Sampled<T>(Arc<dyn Fn() -> T + Send + Sync>);

impl<T> Sampled<T> {
    /// A state that `read` returns.
    pub(crate) fn new(read: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(super) fn read(&self) -> T {
        (self.0)()
    }
}

impl<T> fmt::Debug for Sampled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampled").finish_non_exhaustive()
    }
}
