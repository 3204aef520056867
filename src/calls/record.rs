//! What is known of one call while it passes through the layers.

use std::sync::{Arc, OnceLock};

use opentelemetry::trace::TraceId;
use tonic::Code;

use super::call_trace::CallTrace;
use super::ended_decision::{EndedDecision, Recording};
use super::malformed::RequestFault;
use super::request_id::RequestId;
use crate::admission::Holder;
use crate::broker::Decision;
use crate::identity::Caller;

/// Filled in on the way of a call and read when the call has ended. Each fact is learnt at most once.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallRecord(Arc<CallFacts>);

#[derive(Debug, Default)]
struct CallFacts {
    request_id: RequestId,
    trace: CallTrace,
    caller: OnceLock<Arc<Caller>>,
    holder: OnceLock<Holder>,
    decision: OnceLock<Decision>,
    recording: OnceLock<Recording>,
    reason: OnceLock<&'static str>,
    rejection: OnceLock<&'static str>,
    request_fault: OnceLock<RequestFault>,
}

impl CallRecord {
    /// The record of a call that begins.
    pub(crate) fn new(request_id: RequestId, trace: CallTrace) -> Self {
        Self(Arc::new(CallFacts { request_id, trace, ..CallFacts::default() }))
    }

    pub(crate) fn set_caller(&self, caller: Arc<Caller>) {
        let _already_known = self.0.caller.set(caller);
    }

    /// Among whose places the call's are.
    pub(crate) fn set_holder(&self, holder: Holder) {
        let _already_known = self.0.holder.set(holder);
    }

    pub(crate) fn set_decision(&self, decision: Decision) {
        let _already_known = self.0.decision.set(decision);
    }

    pub(crate) fn set_recording(&self, recording: Recording) {
        let _already_known = self.0.recording.set(recording);
    }

    /// Why the call failed, by a name that is the same every time.
    pub(crate) fn set_reason(&self, reason: &'static str) {
        let _already_known = self.0.reason.set(reason);
    }

    /// Why the caller's proof was not accepted, which is why the call failed.
    pub(crate) fn set_rejection(&self, reason: &'static str) {
        let _already_known = self.0.rejection.set(reason);
        self.set_reason(reason);
    }

    /// Why the body of the request ended before its message was whole and good.
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

    pub(crate) fn holder(&self) -> Option<Holder> {
        self.0.holder.get().copied()
    }

    pub(crate) fn has_decision(&self) -> bool {
        self.0.decision.get().is_some()
    }

    /// The decision, for a call that has ended with this status, or without one.
    pub(crate) fn ended_decision(&self, code: Option<Code>) -> Option<EndedDecision<'_>> {
        let decision = self.0.decision.get()?;
        Some(EndedDecision::new(decision, self.0.recording.get().copied(), code))
    }

    pub(crate) fn reason(&self) -> Option<&'static str> {
        self.0.reason.get().copied()
    }

    pub(crate) fn request_fault(&self) -> Option<RequestFault> {
        self.0.request_fault.get().copied()
    }

    pub(crate) fn rejection(&self) -> Option<&'static str> {
        self.0.rejection.get().copied()
    }
}
