//! Why a record may not be stored.

use thiserror::Error;

/// Why a record may not be stored. Where only the confirmation is missing, the record may exist nevertheless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum AuditFailure {
    /// The queue was full until the time limit.
    #[error("the queue of audit records is full")]
    QueueFull,
    /// The writer did not confirm it within the time limit. It is queued or being written.
    #[error("writing an audit record timed out")]
    TimedOut,
    /// The file cannot be opened, or a removed one cannot be replaced.
    #[error("opening the audit file failed")]
    Open,
    /// The file has its full size and cannot be rotated.
    #[error("rotating the audit file failed")]
    Rotate,
    /// The output refused it.
    #[error("writing an audit record failed")]
    Write,
    /// It was written, and the file system did not confirm the sync.
    #[error("syncing an audit record to the disk failed")]
    Sync,
    /// The sink is closed.
    #[error("the audit sink is closed")]
    Closed,
}

impl AuditFailure {
    /// Every cause, in the order of their numbers.
    pub(crate) const ALL: [Self; 7] =
        [Self::QueueFull, Self::TimedOut, Self::Open, Self::Rotate, Self::Write, Self::Sync, Self::Closed];

    /// The cause's name in logs and metrics.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::TimedOut => "timeout",
            Self::Open => "open",
            Self::Rotate => "rotate",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Closed => "closed",
        }
    }
}

/// The answer must not be given, because its decision has no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("recording the decision failed")]
pub(crate) struct AuditUnavailable(#[from] pub AuditFailure);
