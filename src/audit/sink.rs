//! The interface between a record and its storage.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::failure::AuditFailure;
use super::record::AuditRecord;
use super::status::AuditStatus;

/// Stores records.
#[async_trait]
pub(crate) trait AuditSink: fmt::Debug + Send + Sync + 'static {
    /// Stores a record, and returns when it is stored. A record that was accepted is stored even if the caller stops
    /// waiting.
    ///
    /// # Errors
    ///
    /// When storing it is not confirmed within `patience`.
    async fn keep(&self, record: AuditRecord, patience: Duration) -> Result<(), AuditFailure>;

    /// Tests whether a record could be stored now, and updates the status. Returns when that is known, which may be
    /// never.
    async fn attempt(&self);

    /// The sink's state.
    fn status(&self) -> &Arc<AuditStatus>;

    /// Stores what was accepted and closes, or gives up after `patience`. Later records are refused.
    async fn close(&self, patience: Duration);
}
