//! The facts about one call in progress.

use std::sync::{Arc, OnceLock};

use opentelemetry::trace::TraceId;

use super::call_trace::CallTrace;
use super::cause::Cause;
use super::code::Code;
use super::ended_decision::{EndedDecision, Recording};
use super::malformed::RequestFault;
use super::request_id::RequestId;
use crate::broker::Decision;
use access_broker_identity::Caller;

/// The steps of a call fill it in, and the end of the call reads it. Each fact is set at most once.
///
/// A call has one record, which every step gets: no step makes its own.
#[derive(Debug, Clone)]
pub(crate) struct CallRecord(Arc<CallFacts>);

#[derive(Debug)]
struct CallFacts {
    request_id: RequestId,
    trace: CallTrace,
    caller: OnceLock<Arc<Caller>>,
    decision: OnceLock<Decision>,
    recording: OnceLock<Recording>,
    cause: OnceLock<Cause>,
    request_fault: OnceLock<RequestFault>,
}

impl CallRecord {
    pub(crate) fn new(request_id: RequestId, trace: CallTrace) -> Self {
        Self(Arc::new(CallFacts {
            request_id,
            trace,
            caller: OnceLock::new(),
            decision: OnceLock::new(),
            recording: OnceLock::new(),
            cause: OnceLock::new(),
            request_fault: OnceLock::new(),
        }))
    }

    /// The record of a call that the program makes to itself: with a new id, without a trace.
    pub(crate) fn untraced() -> Self {
        Self::new(RequestId::new(), CallTrace::default())
    }

    pub(crate) fn set_caller(&self, caller: Arc<Caller>) {
        let _already_known = self.0.caller.set(caller);
    }

    pub(crate) fn set_decision(&self, decision: Decision) {
        let _already_known = self.0.decision.set(decision);
    }

    pub(crate) fn set_recording(&self, recording: Recording) {
        let _already_known = self.0.recording.set(recording);
    }

    /// Why the call failed.
    pub(crate) fn set_cause(&self, cause: Cause) {
        let _already_known = self.0.cause.set(cause);
    }

    /// Why the body of the request ended before its message was complete.
    pub(crate) fn set_request_fault(&self, fault: RequestFault) {
        let _already_known = self.0.request_fault.set(fault);
    }

    /// The id that the client chose or the broker made.
    pub(crate) fn request_id(&self) -> &RequestId {
        &self.0.request_id
    }

    pub(crate) fn trace(&self) -> &CallTrace {
        &self.0.trace
    }

    /// The trace that the call belongs to, if it belongs to one.
    pub(crate) fn trace_id(&self) -> Option<TraceId> {
        self.0.trace.trace_id()
    }

    pub(crate) fn caller(&self) -> Option<&Caller> {
        self.0.caller.get().map(AsRef::as_ref)
    }

    pub(crate) fn has_decision(&self) -> bool {
        self.0.decision.get().is_some()
    }

    /// The decision, for a call that ended with this status, or without one.
    pub(crate) fn ended_decision(&self, code: Option<Code>) -> Option<EndedDecision<'_>> {
        let decision = self.0.decision.get()?;
        Some(EndedDecision::new(decision, self.0.recording.get().copied(), code))
    }

    pub(crate) fn cause(&self) -> Option<Cause> {
        self.0.cause.get().copied()
    }

    pub(crate) fn request_fault(&self) -> Option<RequestFault> {
        self.0.request_fault.get().copied()
    }
}
