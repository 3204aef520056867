//! Why a record is not known to be kept.

use thiserror::Error;

/// Why a record is not known to be kept. It may be kept all the same, where only the confirmation is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum AuditFailure {
    /// There was no place for it in the queue in time.
    #[error("the queue of audit records is full")]
    QueueFull,
    /// It was not confirmed in time. It is still in the queue, or being written.
    #[error("writing an audit record timed out")]
    TimedOut,
    /// The file cannot be opened, or one that was removed cannot be replaced.
    #[error("opening the audit file failed")]
    Open,
    /// The file has its full size and cannot be put aside.
    #[error("rotating the audit file failed")]
    Rotate,
    /// The output refuses it.
    #[error("writing an audit record failed")]
    Write,
    /// It was written, and the file system does not say that it is kept.
    #[error("syncing an audit record to the disk failed")]
    Sync,
    /// The sink has ended.
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

/// An answer must not be given, because its decision has no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("recording the decision failed")]
pub(crate) struct AuditUnavailable(#[from] pub AuditFailure);
