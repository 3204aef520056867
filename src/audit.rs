//! A record of every decision, permitted or denied, apart from the log.
//!
//! A [`Decision`](crate::broker::Decision) becomes one line of JSON, an `AuditSink` stores the line, and [`AuditTrail`]
//! decides about the answer if that fails. One thread writes and syncs lines of concurrent calls together.

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
