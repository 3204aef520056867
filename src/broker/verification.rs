//! Whether an uploaded object is what was promised, and what its tier imposes.

mod aspect;
mod comparison;
mod content;
mod encryption;
mod expectations;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::aspect::Aspect;
use self::comparison::Comparison;
pub use self::expectations::Expectations;
use super::conclusion::Pending;
use super::decision::{Decision, DecisionId, Outcome, UseCase};
use super::error::BrokerError;
use super::{AuthenticatedCaller, Broker};
use crate::policy::{HeaderText, ObjectReference, PermittedLook};
use crate::storage::StoredObject;

/// A valid request to verify an upload.
#[derive(Debug, Clone)]
pub struct VerificationRequest {
    /// The object.
    pub object: ObjectReference,
    /// One version of it, instead of the current one.
    pub version_id: Option<HeaderText>,
    /// What it should be.
    pub expected: Expectations,
}

/// What was found.
#[derive(Debug)]
pub struct Verification {
    /// The object as S3 describes it.
    pub object: StoredObject,
    /// The names of what does not hold.
    pub mismatches: Vec<&'static str>,
    /// The names of what could not be compared.
    pub unknown: Vec<&'static str>,
    /// The tier that holds the object.
    pub tier: Arc<str>,
    /// The decision's id.
    pub decision_id: DecisionId,
}

impl Verification {
    /// Whether everything that is expected and imposed was compared and holds.
    #[must_use]
    pub const fn as_expected(&self) -> bool {
        self.mismatches.is_empty() && self.unknown.is_empty()
    }
}

impl Broker {
    /// Looks at an uploaded object. The decision to let the caller look comes with the answer, whatever it is.
    pub async fn verify_upload(
        &self,
        asking: &AuthenticatedCaller,
        request: VerificationRequest,
    ) -> (Decision, Result<Verification, BrokerError>) {
        let VerificationRequest { object, version_id, expected } = request;
        let pending = self.pending(asking, UseCase::VerifyUpload, &object);
        let by_decision = expected.decision_id.is_some();
        let decided = self.0.policy.current().decide_verification(&asking.caller, &object, by_decision);
        match decided {
            Err(refusal) => pending.refused(refusal),
            Ok(permitted) => {
                let result = self.verify(&pending, &permitted, version_id.as_ref(), &expected).await;
                pending.concluded(&permitted.object, result)
            }
        }
    }

    async fn verify(
        &self,
        pending: &Pending,
        permitted: &PermittedLook,
        version_id: Option<&HeaderText>,
        expected: &Expectations,
    ) -> Result<(Verification, Outcome), BrokerError> {
        let PermittedLook { object: permitted, imposed } = permitted;
        self.admit(pending, permitted)?;
        let object = self.0.inspector.inspect(permitted, version_id, expected.look(imposed)).await?;
        let findings = expected.compared_with(&object, imposed);
        let (mismatches, unknown) = (findings.names(Comparison::Differs), findings.names(Comparison::Unknown));
        let tier = Arc::clone(permitted.tier());
        let verification = Verification { object, mismatches, unknown, tier, decision_id: pending.id };
        let grant = Arc::clone(permitted.rule());
        let outcome = Outcome::Verified {
            grant,
            as_expected: verification.as_expected(),
            mismatches: verification.mismatches.clone(),
            unknown: verification.unknown.clone(),
        };
        Ok((verification, outcome))
    }
}
