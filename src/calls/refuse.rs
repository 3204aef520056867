//! Refuses a call, from any step.

use super::call_counters::CallCounters;
use super::cause::Cause;
use super::failure::Failure;
use super::record::CallRecord;

/// Counts the call, and records why it fails.
pub(crate) fn refuse(cause: Cause, record: &CallRecord, counters: &CallCounters) -> Failure {
    counters.count(cause);
    record.set_cause(cause);
    Failure::from(cause)
}
