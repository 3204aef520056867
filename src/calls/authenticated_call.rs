//! A call with an authenticated caller, as the use cases get it from every wire.

use std::sync::Arc;

use opentelemetry::context::FutureExt;

use super::cause::Cause;
use super::ended_decision::Recording;
use super::failure::{Failure, log_broker_error};
use super::record::CallRecord;
use crate::audit::{AuditTrail, CallContext};
use crate::broker::{AuthenticatedCaller, BrokerError, Decision};
use access_broker_identity::PeerAddress;
use access_broker_policy::FieldViolation;

/// The pipeline makes it after authentication, and hands it to the wire with the message.
#[derive(Debug, Clone)]
pub struct AuthenticatedCall {
    asking: AuthenticatedCaller,
    record: CallRecord,
    peer: Option<PeerAddress>,
}

impl AuthenticatedCall {
    pub(crate) const fn new(asking: AuthenticatedCaller, record: CallRecord, peer: PeerAddress) -> Self {
        Self { asking, record, peer: Some(peer) }
    }

    /// A call without a connection and a trace, for a program that calls use cases itself.
    #[must_use]
    pub fn without_connection(asking: AuthenticatedCaller) -> Self {
        Self { asking, record: CallRecord::untraced(), peer: None }
    }

    /// The call that a wire finds with a message. If it is missing, the message did not pass the pipeline, which is a
    /// bug.
    pub(crate) fn expect_present(found: Option<Self>) -> Result<Self, Failure> {
        found.ok_or_else(|| {
            tracing::error!(
                "call failed: it reached the service without an authenticated caller; this is a bug of the broker"
            );
            Failure::internal_fault()
        })
    }

    pub(crate) const fn asking(&self) -> &AuthenticatedCaller {
        &self.asking
    }

    /// The id that the answer names.
    pub(crate) fn request_id(&self) -> &str {
        self.record.request_id().as_str()
    }

    /// The request, if its fields are valid.
    pub(crate) fn valid<T>(&self, request: Result<T, Vec<FieldViolation>>) -> Result<T, Failure> {
        request.map_err(|violations| {
            self.record.set_cause(Cause::RequestInvalid);
            Failure::from_violations(violations)
        })
    }

    /// Waits for a decision, as a step of the call's trace, and returns the answer once the decision is recorded.
    /// Without the record the caller gets neither an answer nor a denial.
    pub(crate) async fn decided<A>(
        &self,
        audit: &AuditTrail,
        deciding: impl Future<Output = (Decision, Result<A, BrokerError>)>,
    ) -> Result<A, Failure> {
        let step = self.record.trace().step("decide");
        let (decision, result) = deciding.with_context(step.context()).await;
        step.set("access_broker.operation", decision.use_case.operation().name());
        step.set("access_broker.outcome", decision.outcome.name());
        if let Some(tier) = &decision.tier {
            step.set("access_broker.tier", Arc::clone(tier));
        }
        if let Err(error) = &result {
            step.set("access_broker.reason", error.code());
        }
        drop(step);
        let id = decision.id;
        let recording = audit.record(&decision, &self.context());
        self.record.set_decision(decision);
        recording.await.map_err(|_| {
            self.record.set_recording(Recording::Failed);
            self.record.set_cause(Cause::AuditUnavailable);
            Failure::without_audit_record(id)
        })?;
        self.record.set_recording(Recording::Kept);
        result.map_err(|error| {
            log_broker_error(&error, id);
            Failure::from_broker_error(error, id)
        })
    }

    /// What the audit record contains in addition to the decision.
    fn context(&self) -> CallContext {
        CallContext {
            peer: self.peer,
            trace_id: self.record.trace_id().map(|id| id.to_string()),
            request_id: Some(self.request_id().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::reason::Reason;

    #[test]
    fn a_message_without_its_call_is_a_fault_and_gets_no_record_of_its_own() {
        let failure = AuthenticatedCall::expect_present(None).unwrap_err();
        assert_eq!(failure, Failure::from(Reason::InternalFault));
    }
}
