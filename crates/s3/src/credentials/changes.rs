//! Detects changes of a provider's source, so that they need not wait for the next renewal.

use async_trait::async_trait;

/// Watches the files of a provider.
#[async_trait]
pub(crate) trait SourceChanges: Send + Sync {
    /// Returns when the provider may give another answer than the last one. `after_failure`: the last one was an error.
    /// Dropping the future ends the watch; no change is missed.
    async fn changed(&self, after_failure: bool);
}
