//! Changes of what a provider reads, which should not wait for the next renewal.

use async_trait::async_trait;

/// Watches what a provider reads.
#[async_trait]
pub(crate) trait SourceChanges: Send + Sync {
    /// Returns once the provider may answer otherwise than when it was asked last. `after_failure`: it gave an error
    /// then. Dropping the future ends the watch and loses nothing.
    async fn changed(&self, after_failure: bool);
}
