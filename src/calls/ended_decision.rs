//! How a decision ended: whether its caller got the answer.

use super::code::Code;
use crate::broker::{Decision, Outcome};

/// Whether the answer to a decision may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recording {
    /// The record is stored, or none is required.
    Kept,
    /// The record is missing, and the answer must not be given.
    Failed,
}

/// A decision, and whether its caller got the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndedDecision<'c> {
    pub(crate) decision: &'c Decision,
    /// Whether the caller got the answer.
    pub(crate) delivery: AnswerDelivery,
}

/// Whether the caller got the answer to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerDelivery {
    /// The whole answer with its status was handed to the connection. Only the client knows whether it arrived.
    Answered,
    /// The decision could not be recorded, so the caller got only that error.
    Unrecorded,
    /// The call ended before the answer was handed over: the client left or stopped reading, or the call timed out. The
    /// decision may be recorded.
    Undelivered,
}

impl<'c> EndedDecision<'c> {
    /// `recording` is `None` if the call ended before that was known, and `code` if it ended without a status.
    pub(crate) fn new(decision: &'c Decision, recording: Option<Recording>, code: Option<Code>) -> Self {
        Self { decision, delivery: delivery(&decision.outcome, recording, code) }
    }

    /// The name for metrics and the log: the outcome of the decision if the caller got the answer, else `unrecorded` or
    /// `undelivered`.
    #[must_use]
    pub(crate) const fn outcome(&self) -> &'static str {
        match self.delivery {
            AnswerDelivery::Answered => self.decision.outcome.name(),
            AnswerDelivery::Unrecorded => "unrecorded",
            AnswerDelivery::Undelivered => "undelivered",
        }
    }
}

const fn delivery(outcome: &Outcome, recording: Option<Recording>, code: Option<Code>) -> AnswerDelivery {
    match (recording, code) {
        (Some(Recording::Failed), _) => AnswerDelivery::Unrecorded,
        (Some(Recording::Kept), Some(code)) if is_answer(outcome, code) => AnswerDelivery::Answered,
        _ => AnswerDelivery::Undelivered,
    }
}

/// Whether a call with this status has delivered the outcome to its caller. Other statuses come from the steps around
/// the decision.
const fn is_answer(outcome: &Outcome, code: Code) -> bool {
    match outcome {
        Outcome::Issued { .. } | Outcome::Verified { .. } => matches!(code, Code::Ok),
        Outcome::Failed(_) => !matches!(code, Code::Ok | Code::Cancelled | Code::DeadlineExceeded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::BrokerError;
    use access_broker_policy::RefusalReason;

    #[test]
    fn a_decision_is_answered_if_its_record_is_kept_and_its_own_status_was_given() {
        let verified =
            Outcome::Verified { grant: "g".into(), as_expected: true, mismatches: Vec::new(), unknown: Vec::new() };
        let refused = Outcome::Failed(BrokerError::Refused(RefusalReason::NotGranted));
        let (kept, failed) = (Some(Recording::Kept), Some(Recording::Failed));
        let [answered, unrecorded, undelivered] =
            [AnswerDelivery::Answered, AnswerDelivery::Unrecorded, AnswerDelivery::Undelivered];
        for (outcome, recording, code, expected) in [
            (&verified, kept, Some(Code::Ok), answered),
            (&refused, kept, Some(Code::PermissionDenied), answered),
            (&verified, failed, Some(Code::Unavailable), unrecorded),
            (&refused, failed, Some(Code::Unavailable), unrecorded),
            // The client left before it got the failure.
            (&verified, failed, None, unrecorded),
            // The client left, or the call timed out, during the write of the record.
            (&verified, None, None, undelivered),
            (&verified, None, Some(Code::DeadlineExceeded), undelivered),
            (&refused, None, Some(Code::DeadlineExceeded), undelivered),
            // The client left before it read the answer.
            (&verified, kept, None, undelivered),
            (&refused, kept, None, undelivered),
            // Another error ended the answer.
            (&verified, kept, Some(Code::Internal), undelivered),
            (&refused, kept, Some(Code::DeadlineExceeded), undelivered),
        ] {
            assert_eq!(delivery(outcome, recording, code), expected, "{outcome:?} {recording:?} {code:?}");
        }
    }
}
