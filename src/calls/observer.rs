//! The seam between calls and what counts them.

use std::fmt;
use std::time::Duration;

use super::code::Code;
use super::ended_decision::EndedDecision;
use super::method::CallMethod;

/// Hears of every call, twice. Both are on the way of the call: an observer must neither wait nor allocate much.
pub(crate) trait CallObserver: fmt::Debug + Send + Sync + 'static {
    fn started(&self, method: CallMethod);

    /// A call has ended, however it ended.
    fn ended(&self, call: &EndedCall<'_>);
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct EndedCall<'c> {
    pub(crate) method: CallMethod,
    /// Its status: [`Cancelled`](Code::Cancelled) if the client left, [`Internal`](Code::Internal) if it panicked.
    pub(crate) code: Code,
    /// From its first byte to the last one of the answer.
    pub(crate) duration: Duration,
    /// Why the caller's proof was not accepted, by the name in the log.
    pub(crate) rejection: Option<&'static str>,
    /// What was decided, if the call got so far, and whether the caller was told.
    pub(crate) decision: Option<EndedDecision<'c>>,
}
