//! Decides about answers whose decision cannot be recorded.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::attempts;
use super::call_context::CallContext;
use super::failure::{AuditFailure, AuditUnavailable};
use super::record::{AuditRecord, KeyForm};
use super::sink::AuditSink;
use super::status::AuditStatus;
use crate::broker::Decision;

/// What happens to an answer whose record is not confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum OnFailure {
    /// The call fails.
    #[default]
    Deny,
    /// The answer is given.
    Allow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TrailState {
    /// Whether answers require their record.
    pub(crate) required: bool,
    /// Whether records can be stored, as far as that is known.
    pub(crate) available: bool,
}

/// Records decisions to a sink, or not at all. Clones use the same sink.
#[derive(Debug, Clone)]
pub struct AuditTrail(Option<Arc<Recording>>);

#[derive(Debug)]
struct Recording {
    sink: Arc<dyn AuditSink>,
    key: KeyForm,
    on_failure: OnFailure,
    flush_timeout: Duration,
}

impl AuditTrail {
    /// Records nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Records to a sink. An answer waits at most `flush_timeout` for its record.
    #[must_use]
    pub(crate) fn new(sink: Arc<dyn AuditSink>, key: KeyForm, on_failure: OnFailure, flush_timeout: Duration) -> Self {
        Self(Some(Arc::new(Recording { sink, key, on_failure, flush_timeout })))
    }

    /// Records a decision. The future is ready when the answer may be given. It does not borrow the decision, and
    /// unless it is polled nothing is recorded.
    ///
    /// # Errors
    ///
    /// When the answer must not be given.
    pub(crate) fn record<'t>(
        &'t self,
        decision: &Decision,
        context: &CallContext,
    ) -> impl Future<Output = Result<(), AuditUnavailable>> + Send + use<'t> {
        let recording = self.0.as_deref();
        let record = recording.map(|recording| AuditRecord::new(decision, context, recording.key));
        async move {
            let (Some(recording), Some(record)) = (recording, record) else { return Ok(()) };
            match recording.keep(record).await {
                Err(failure) if recording.on_failure == OnFailure::Deny => Err(failure.into()),
                _ => Ok(()),
            }
        }
    }

    /// Whether answers require their records, and whether records can be stored. `None` without records.
    #[must_use]
    pub(crate) fn state(&self) -> Option<TrailState> {
        let recording = self.0.as_ref()?;
        let (required, available) = (recording.on_failure == OnFailure::Deny, !recording.sink.status().is_refusing());
        Some(TrailState { required, available })
    }

    /// While records cannot be stored, tests the output regularly, so that its recovery is detected without a call.
    /// Never returns, unless nothing is recorded.
    pub async fn watch(self) {
        if let Some(recording) = &self.0 {
            attempts::watch(Arc::clone(&recording.sink)).await;
        }
    }

    /// The state of the sink, if there is one.
    #[must_use]
    pub fn status(&self) -> Option<&Arc<AuditStatus>> {
        self.0.as_ref().map(|recording| recording.sink.status())
    }

    /// Writes what is queued. Call it when no call is in flight.
    pub async fn close(&self) {
        if let Some(recording) = &self.0 {
            recording.sink.close(recording.flush_timeout).await;
        }
    }
}

impl Recording {
    async fn keep(&self, record: serde_json::Result<AuditRecord>) -> Result<(), AuditFailure> {
        let record = record.map_err(|error| {
            tracing::error!(%error, "formatting an audit record failed");
            AuditFailure::Write
        })?;
        // If answers do not require their records, they do not wait for an output that hangs.
        let is_stalled = self.on_failure == OnFailure::Allow && self.sink.status().is_stalled();
        self.sink.keep(record, if is_stalled { Duration::ZERO } else { self.flush_timeout }).await
    }
}

#[cfg(test)]
mod tests;
