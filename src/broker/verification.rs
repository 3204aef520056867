//! Whether an uploaded object is as expected by its caller and its tier.

mod aspect;
mod comparison;
mod content;
mod encryption;
mod expectations;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

pub use self::aspect::Aspect;
use self::comparison::Comparison;
pub(crate) use self::expectations::Expectations;
use super::decision::{Decision, DecisionId, Outcome, UseCase};
use super::error::BrokerError;
use super::steps::{BrokerRequest, PermittedTask};
use super::{AuthenticatedCaller, Broker};
use access_broker_policy::{HeaderText, ObjectReference, PermittedInspection, PermittedObject, Policy, Refusal};
use access_broker_s3::presign::{Attribution, Presigner, Signing};
use access_broker_s3::storage::{ObjectInspector, StoredObject};

/// A valid request to verify an upload.
#[derive(Debug, Clone)]
pub(crate) struct VerificationRequest {
    pub(crate) object: ObjectReference,
    /// One version of it, instead of the current one.
    pub(crate) version_id: Option<HeaderText>,
    pub(crate) expected: Expectations,
}

/// Which expectations hold, which differ, and which cannot be compared.
#[derive(Debug)]
pub struct Verification {
    /// The object as S3 describes it.
    pub object: StoredObject,
    /// The names of what differs.
    pub mismatches: Vec<&'static str>,
    /// The names of what could not be compared.
    pub unknown: Vec<&'static str>,
    /// The tier that contains the object.
    pub tier: Arc<str>,
    /// The id of this verification, not of the upload.
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
    /// Verifies an uploaded object. The decision is returned together with the result or the error.
    pub(crate) async fn verify_upload(
        &self,
        asking: &AuthenticatedCaller,
        request: VerificationRequest,
    ) -> (Decision, Result<Verification, BrokerError>) {
        self.run(asking, request).await
    }
}

impl BrokerRequest for VerificationRequest {
    const USE_CASE: UseCase = UseCase::VerifyUpload;

    type Task = PermittedVerification;

    fn object(&self) -> &ObjectReference {
        &self.object
    }

    fn decide(self, policy: &Policy, asking: &AuthenticatedCaller) -> Result<PermittedVerification, Refusal> {
        let Self { object, version_id, expected } = self;
        let permitted = policy.decide_verification(&asking.caller, &object, expected.decision_id.is_some())?;
        Ok(PermittedVerification { permitted, version_id, expected })
    }
}

pub(super) struct PermittedVerification {
    permitted: PermittedInspection,
    version_id: Option<HeaderText>,
    expected: Expectations,
}

impl PermittedTask for PermittedVerification {
    type Found = StoredObject;
    type Signed = ();
    type Answer = Verification;

    fn object(&self) -> &PermittedObject {
        &self.permitted.object
    }

    async fn inspect(self, inspector: &dyn ObjectInspector) -> Result<(Self, StoredObject), BrokerError> {
        let scope = self.expected.inspection_scope(&self.permitted.imposed);
        let object = inspector.inspect(&self.permitted.object, self.version_id.as_ref(), scope).await?;
        Ok((self, object))
    }

    fn sign<'a>(&'a self, _: &'a dyn Presigner, _: &'a Attribution, _: SystemTime) -> Signing<'a, ()> {
        Signing::Ready(Ok(()))
    }

    fn conclude(self, object: StoredObject, (): (), decision_id: DecisionId) -> (Verification, Outcome) {
        let PermittedInspection { object: permitted, imposed } = self.permitted;
        let findings = self.expected.compared_with(&object, &imposed);
        let (mismatches, unknown) = (findings.names(Comparison::Differs), findings.names(Comparison::Unknown));
        let tier = Arc::clone(permitted.tier());
        let verification = Verification { object, mismatches, unknown, tier, decision_id };
        let outcome = Outcome::Verified {
            grant: Arc::clone(permitted.rule()),
            as_expected: verification.as_expected(),
            mismatches: verification.mismatches.clone(),
            unknown: verification.unknown.clone(),
        };
        (verification, outcome)
    }
}
