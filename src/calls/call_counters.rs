//! How many calls ended in a way that is the server's doing.

use super::cause::Cause;
use super::event_count::EventCount;
use super::malformed::MalformedCounts;

/// Counted on the way of calls, for metrics.
#[derive(Debug, Default)]
pub struct CallCounters {
    /// Calls that were refused because the server serves as many as it can.
    pub shed: EventCount,
    /// Calls that were refused because their caller holds its share.
    pub over_share: EventCount,
    /// Calls without a proven caller that were refused, or ended to make room for those of another connection.
    pub(crate) unproven_refused: EventCount,
    /// Calls whose message did not arrive in time.
    pub message_timeouts: EventCount,
    /// Calls whose client did not take the answer in time.
    pub undelivered: EventCount,
    /// Calls that ran into the server's limit.
    pub deadlines_exceeded: EventCount,
    /// Calls that ran into a deadline of their client, which is shorter than the server's limit.
    pub client_deadlines_exceeded: EventCount,
    /// Calls that ended in a panic.
    pub panics: EventCount,
    /// Calls whose message was too large.
    pub oversized_messages: EventCount,
    /// Requests that were no call of a method here, by their form.
    pub(crate) malformed: MalformedCounts,
}

impl CallCounters {
    /// Counts a call that fails for this. Rejections and answers that say what is wrong with a request are counted by
    /// their codes only.
    pub(crate) fn count(&self, cause: Cause) {
        let count = match cause {
            Cause::Malformed(malformed) => self.malformed.get(malformed),
            Cause::UnprovenLimit => &self.unproven_refused,
            Cause::CallerOverloaded => &self.over_share,
            Cause::Overloaded => &self.shed,
            Cause::MessageTooLarge => &self.oversized_messages,
            Cause::MessageTimedOut => &self.message_timeouts,
            Cause::CallTimedOut => &self.deadlines_exceeded,
            // A client that waits too little says nothing of the server.
            Cause::ClientDeadlineExceeded => &self.client_deadlines_exceeded,
            Cause::Panicked => &self.panics,
            Cause::NotAuthenticated(_)
            | Cause::IssuerKeysUnavailable
            | Cause::RequestInvalid
            | Cause::AuditUnavailable
            | Cause::UnknownName => return,
        };
        count.add_one();
    }
}
