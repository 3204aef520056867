//! A record of every decision, allowed or refused, apart from the log.
//!
//! A [`Decision`](crate::broker::Decision) becomes one line of JSON, an `AuditSink` puts the line where it is kept,
//! and [`AuditTrail`] says what becomes of the answer if that fails. Lines of calls that run at the same time are written
//! and synced together, by one thread.

mod attempts;
mod call_context;
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

pub(crate) use call_context::CallContext;
pub(crate) use failure::AuditFailure;
pub(crate) use group_commit::GroupCommitSink;
pub use output::{AuditFile, AuditFileSettings};
pub(crate) use record::KeyForm;
pub use status::AuditStatus;
pub use trail::AuditTrail;
pub(crate) use trail::OnFailure;
