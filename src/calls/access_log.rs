//! The end of every call, for every way to end: the access line, the metrics, and the span.

mod rejected_lines;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use http::HeaderMap;
use opentelemetry_sdk::trace::SdkTracer;
use tracing::field::display;

pub(crate) use rejected_lines::{DEFAULT_REJECTED_PER_SECOND, RejectedLines};

use super::call_trace::CallTrace;
use super::cause::Cause;
use super::code::Code;
use super::ended_decision::{AnswerDelivery, EndedDecision};
use super::method::CallMethod;
use super::observer::{CallObserver, EndedCall};
use super::protocol::Protocol;
use super::record::CallRecord;
use super::request_id::RequestId;
use crate::broker::Outcome;
use access_broker_identity::{Caller, Peer, WorkloadId};

/// Reports every call to the log, the observer and its trace. Some lines of rejected proofs, malformed requests and
/// calls over a limit may be [left out](RejectedLines).
#[derive(Debug)]
pub(crate) struct AccessLog {
    observer: Arc<dyn CallObserver>,
    /// Makes a span of each call, if traces are on.
    tracer: Option<SdkTracer>,
    rejected: Arc<RejectedLines>,
}

impl AccessLog {
    pub(crate) const fn new(
        observer: Arc<dyn CallObserver>,
        tracer: Option<SdkTracer>,
        rejected: Arc<RejectedLines>,
    ) -> Self {
        Self { observer, tracer, rejected }
    }

    /// Begins the record of a call, and the line that is written when it ends.
    pub(crate) fn begin(
        &self,
        protocol: Protocol,
        method: CallMethod,
        headers: &HeaderMap,
        peer: &Arc<Peer>,
    ) -> (CallRecord, AccessLine) {
        let started = Instant::now();
        self.observer.started(method);
        let request_id = RequestId::from_headers(headers);
        let trace = CallTrace::start(self.tracer.as_ref(), protocol.rpc_system(), method, headers, peer, &request_id);
        let record = CallRecord::new(request_id, trace);
        let line = AccessLine {
            protocol,
            method,
            started,
            record: record.clone(),
            peer: Arc::clone(peer),
            code: None,
            observer: Arc::clone(&self.observer),
            rejected: Arc::clone(&self.rejected),
        };
        (record, line)
    }
}

/// The line. It is written on drop: with the body of the answer, or with the call's future if the client left.
pub(crate) struct AccessLine {
    protocol: Protocol,
    method: CallMethod,
    started: Instant,
    record: CallRecord,
    peer: Arc<Peer>,
    code: Option<Code>,
    observer: Arc<dyn CallObserver>,
    rejected: Arc<RejectedLines>,
}

impl AccessLine {
    /// Records the status in the head of the answer, or in its trailers.
    pub(crate) const fn learn_code(&mut self, code: Option<Code>) {
        if code.is_some() {
            self.code = code;
        }
    }

    /// Whether a flood of calls can cause the line: a rejected proof, a malformed request, or a call over a limit. The line
    /// of a decision is always written.
    fn may_be_left_out(&self) -> bool {
        self.record.cause().is_some_and(Cause::comes_in_floods) && !self.record.has_decision()
    }
}

impl Drop for AccessLine {
    fn drop(&mut self) {
        // A call that ended without a status was cancelled by the client, or panicked.
        let unfinished = if thread::panicking() { Code::Internal } else { Code::Cancelled };
        let code = self.code.unwrap_or(unfinished);
        let now = Instant::now();
        let duration = now.saturating_duration_since(self.started);
        let (method, cause) = (self.method, self.record.cause());
        let rejection = cause.filter(|cause| cause.is_rejection()).map(Cause::name);
        let decision = self.record.ended_decision(self.code);
        self.observer.ended(&EndedCall { method, code, duration, rejection, decision });
        let reason = if !self.may_be_left_out() || self.rejected.admit(now) {
            self.write(code, duration, decision)
        } else {
            cause.map(Cause::name)
        };
        if let Some(left_out) = self.rejected.report(now) {
            tracing::warn!(left_out, "access lines left out: too many calls are rejected or over a limit");
        }
        self.record.trace().end(code, reason);
    }
}

impl AccessLine {
    /// Writes the line, and returns why the call failed, if that is known.
    fn write(&self, code: Code, duration: Duration, ended: Option<EndedDecision<'_>>) -> Option<&'static str> {
        let (method, code, protocol) = (self.method.log_name(), code.name(), self.protocol.name());
        // The clock is not more precise than microseconds.
        let duration_ms = (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0;
        let request_id = self.record.request_id().as_str();
        let trace_id = self.record.trace_id().map(display);
        let caller = self.record.caller();
        // Without a caller, the line has the connection's address.
        let peer = caller.is_none().then(|| display(self.peer.address));
        let token = caller.and_then(Caller::token);
        let issuer = token.map(|token| &*token.issuer);
        let subject = token.map(|token| token.subject.as_str());
        let subject_claim = token.and_then(|token| token.subject.claim());
        let workload = caller.and_then(Caller::workload).map(WorkloadId::as_str);
        let outcome = ended.map(|ended| ended.outcome());
        let is_answered = ended.is_some_and(|ended| ended.delivery == AnswerDelivery::Answered);
        let decision = ended.map(|ended| ended.decision);
        let bucket = decision.map(|decision| decision.object.bucket.as_str());
        let tier = decision.and_then(|decision| decision.tier.as_deref());
        let decision_id = decision.map(|decision| decision.id.to_string());
        let caller_id = decision.map(|decision| decision.caller_id.as_str());
        let mut as_expected = None;
        let (rule, refusal, expires_at) = match decision.map(|decision| &decision.outcome) {
            Some(Outcome::Issued { grant, expires_at, .. }) => {
                // If the URLs were not delivered, there is no expiry.
                let expires_at = is_answered.then(|| display(humantime::format_rfc3339_seconds(*expires_at)));
                (Some(&**grant), None, expires_at)
            }
            Some(Outcome::Verified { grant, as_expected: verified, .. }) => {
                as_expected = is_answered.then_some(*verified);
                (Some(&**grant), None, None)
            }
            Some(Outcome::Failed(error)) => (error.refusing_rule(), Some(error.code()), None),
            None => (None, None, None),
        };
        let reason = self.record.cause().map(Cause::name).or(refusal);
        // Probes are many and their lines are of no interest, unless they fail.
        if self.method.is_probe() && reason.is_none() {
            tracing::debug!(target: "access", method, protocol, code, duration_ms, request_id, trace_id, "call");
        } else {
            tracing::info!(
                target: "access",
                method, protocol, code, duration_ms, request_id, trace_id, peer, issuer, subject, subject_claim, workload, caller_id, bucket, tier, outcome,
                rule, reason, expires_at, as_expected, decision_id,
                "call"
            );
        }
        reason
    }
}
