//! How a malformed request is refused, by whichever layer sees what is wrong with it.

use tonic::Status;

use super::call_counters::CallCounters;
use super::malformed::MalformedRequest;
use super::record::CallRecord;
use crate::grpc::status::status_of_malformed_request;

/// Counts the request and notes in its record why it failed.
pub(crate) fn note_malformed(malformed: MalformedRequest, record: &CallRecord, counters: &CallCounters) {
    counters.malformed.of(malformed).add_one();
    record.set_reason(malformed.code());
}

/// The status of such a request, which is counted and noted in its record.
pub(crate) fn refuse_malformed(malformed: MalformedRequest, record: &CallRecord, counters: &CallCounters) -> Status {
    note_malformed(malformed, record, counters);
    status_of_malformed_request(malformed, record.request_id().as_str())
}
