//! How a call is refused, by whichever step of its way finds out why.

use super::call_counters::CallCounters;
use super::cause::Cause;
use super::failure::Failure;
use super::record::CallRecord;

/// Counts the call, and notes in its record why it fails.
pub(crate) fn refuse(cause: Cause, record: &CallRecord, counters: &CallCounters) -> Failure {
    counters.count(cause);
    record.set_cause(cause);
    Failure::from(cause)
}
