//! The seam between a record and where it is kept.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::failure::AuditFailure;
use super::record::AuditRecord;
use super::status::AuditStatus;

/// Keeps records.
#[async_trait]
pub(crate) trait AuditSink: fmt::Debug + Send + Sync + 'static {
    /// Keeps a record, and returns when it is kept. A record that was taken is kept even if nobody waits for that any
    /// more.
    ///
    /// # Errors
    ///
    /// When it is not known to be kept once `patience` is over.
    async fn keep(&self, record: AuditRecord, patience: Duration) -> Result<(), AuditFailure>;

    /// Finds out whether a record could be kept now, and tells its status. Returns when that is known, which may be
    /// never.
    async fn attempt(&self);

    /// How it is doing.
    fn status(&self) -> &Arc<AuditStatus>;

    /// Keeps what was taken and ends, or gives up when `patience` is over. Records that come later are refused.
    async fn close(&self, patience: Duration);
}
