//! A record of every decision, allowed or refused, apart from the log.
//!
//! A [`Decision`](crate::broker::Decision) becomes one line of JSON, an [`AuditSink`] puts the line where it is kept,
//! and [`AuditTrail`] says what becomes of the answer if that fails. Lines of calls that run at the same time are written
//! and synced together, by one thread.

mod attempts;
mod circumstances;
mod failure;
mod group_commit;
mod outage;
mod output;
mod record;
mod sink;
mod status;
mod text;
mod trail;
mod writer;

pub use circumstances::Circumstances;
pub use failure::{AuditFailure, AuditUnavailable};
pub use group_commit::GroupCommitSink;
pub use output::{AuditFile, AuditFileError, AuditFileSettings};
pub use record::{AuditRecord, KeyForm};
pub use sink::AuditSink;
pub use status::AuditStatus;
pub use trail::{AuditTrail, OnFailure, TrailStanding};
