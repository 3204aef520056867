//! Calls that the server ended, by cause.

use super::cause::Cause;
use super::event_counter::EventCounter;
use super::malformed::MalformedCounts;

/// Counters of calls, for metrics.
#[derive(Debug, Default)]
pub struct CallCounters {
    /// Calls refused because the limit of calls is reached.
    pub shed: EventCounter,
    /// Calls refused because their caller has its share.
    pub over_share: EventCounter,
    /// Unauthenticated calls that were refused, or displaced by those of another connection.
    pub(crate) unproven_refused: EventCounter,
    /// Calls whose message timed out.
    pub message_timeouts: EventCounter,
    /// Calls whose client did not read the answer within the time limit.
    pub undelivered: EventCounter,
    /// Calls that timed out by the server's limit.
    pub deadlines_exceeded: EventCounter,
    /// Calls that timed out by their client's deadline, which is shorter than the server's limit.
    pub client_deadlines_exceeded: EventCounter,
    /// Calls that panicked.
    pub panics: EventCounter,
    /// Calls whose message exceeds the limit.
    pub oversized_messages: EventCounter,
    /// Requests of pages of other sites, and to hosts that are not served.
    pub(crate) cross_site: EventCounter,
    /// Malformed requests, which reached no method.
    pub(crate) malformed: MalformedCounts,
}

impl CallCounters {
    /// Counts a call that fails for this cause. Rejections and invalid requests are counted by their codes only.
    pub(crate) fn count(&self, cause: Cause) {
        let count = match cause {
            Cause::Malformed(malformed) => self.malformed.get(malformed),
            Cause::UnprovenLimit => &self.unproven_refused,
            Cause::CallerOverloaded => &self.over_share,
            Cause::Overloaded => &self.shed,
            Cause::MessageTooLarge => &self.oversized_messages,
            Cause::MessageTimedOut => &self.message_timeouts,
            Cause::CallTimedOut => &self.deadlines_exceeded,
            // A short deadline of a client is no problem of the server.
            Cause::ClientDeadlineExceeded => &self.client_deadlines_exceeded,
            Cause::Panicked => &self.panics,
            Cause::CrossSite | Cause::ForeignHost => &self.cross_site,
            Cause::NotAuthenticated(_)
            | Cause::IssuerKeysUnavailable
            | Cause::RequestInvalid
            | Cause::AuditUnavailable
            | Cause::UnknownName => return,
        };
        count.add_one();
    }
}
