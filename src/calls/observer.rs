//! The interface between calls and metrics.

use std::fmt;
use std::time::Duration;

use super::code::Code;
use super::ended_decision::EndedDecision;
use super::method::CallMethod;

/// Observes the start and the end of every call. Both run within the call: an observer must neither wait nor allocate
/// much.
pub(crate) trait CallObserver: fmt::Debug + Send + Sync + 'static {
    fn started(&self, method: CallMethod);

    /// A call has ended, however it ended.
    fn ended(&self, call: &EndedCall<'_>);
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct EndedCall<'c> {
    pub(crate) method: CallMethod,
    /// The status: [`Cancelled`](Code::Cancelled) if the client left, [`Internal`](Code::Internal) if it panicked.
    pub(crate) code: Code,
    /// From its first byte to the last one of the answer.
    pub(crate) duration: Duration,
    /// Why the proof of identity was rejected, by the name in the log.
    pub(crate) rejection: Option<&'static str>,
    /// The decision, if there is one, and whether the caller got the answer.
    pub(crate) decision: Option<EndedDecision<'c>>,
}
