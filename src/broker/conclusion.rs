//! From what a policy decided to the record of it, the same way for every operation.

use std::sync::Arc;

use super::decision::{Decision, DecisionId, Outcome, UseCase};
use super::error::BrokerError;
use super::issued_terms::IssuedTerms;
use super::{AuthenticatedCaller, Broker};
use crate::policy::{BucketName, ObjectReference, Operation, Permit, PermittedObject, Refusal};
use crate::presign::{Attribution, Expiry, PresignError};
use crate::quota::QuotaExceeded;

/// A decision that is being made: what is known of it from its start.
pub(super) struct Pending {
    pub(super) id: DecisionId,
    asking: AuthenticatedCaller,
    caller_id: String,
    use_case: UseCase,
    object: ObjectReference,
}

impl Pending {
    /// What the URLs shall be traceable to.
    pub(super) fn attribution(&self) -> Attribution {
        Attribution { decision_id: self.id.to_string(), caller_id: self.caller_id.clone() }
    }

    /// The record of a refusal.
    pub(super) fn refused<A>(self, refusal: Refusal) -> (Decision, Result<A, BrokerError>) {
        let error = BrokerError::Refused(refusal.reason);
        (self.decision(refusal.tier, Outcome::Failed(error.clone())), Err(error))
    }

    /// The record of what came of a permit.
    pub(super) fn concluded<A>(
        self,
        permitted: &PermittedObject,
        result: Result<(A, Outcome), BrokerError>,
    ) -> (Decision, Result<A, BrokerError>) {
        let tier = Some(Arc::clone(permitted.tier()));
        match result {
            Ok((answer, outcome)) => (self.decision(tier, outcome), Ok(answer)),
            Err(error) => (self.decision(tier, Outcome::Failed(error.clone())), Err(error)),
        }
    }

    fn decision(self, tier: Option<Arc<str>>, outcome: Outcome) -> Decision {
        let Self { id, asking, caller_id, use_case, object } = self;
        let AuthenticatedCaller { caller, at } = asking;
        Decision { id, at, caller, caller_id, use_case, object, tier, outcome }
    }
}

impl Broker {
    /// Begins a decision.
    pub(super) fn pending(&self, asking: &AuthenticatedCaller, use_case: UseCase, object: &ObjectReference) -> Pending {
        let caller_id = self.0.pseudonyms.of(&asking.caller);
        let (id, asking, object) = (self.0.decision_ids.next(), asking.clone(), object.clone());
        Pending { id, asking, caller_id, use_case, object }
    }

    /// Counts a permitted call, before anything is done for it.
    pub(super) fn admit(&self, pending: &Pending, permitted: &PermittedObject) -> Result<(), QuotaExceeded> {
        self.0.quotas.admit(&pending.caller_id, permitted.tier(), permitted.quota())
    }

    /// Signs. Where the caller insists on a life that the credentials at hand do not have, they are renewed first, once.
    pub(super) async fn signed<P>(
        &self,
        bucket: &BucketName,
        operation: Operation,
        sign: impl Fn() -> Result<P, PresignError>,
    ) -> Result<P, PresignError> {
        match sign() {
            Err(PresignError::FullTtlUnavailable { .. }) => {
                self.0.presigner.renew_credentials(bucket, operation).await;
                sign()
            }
            answer => answer,
        }
    }
}

/// The outcome of a call that issued URLs.
pub(super) fn issued<T>(permit: &Permit<T>, expiry: Expiry, terms: IssuedTerms) -> Outcome {
    Outcome::Issued {
        grant: Arc::clone(permit.object().rule()),
        endpoint: permit.endpoint().clone(),
        expires_at: expiry.at,
        limited_by: expiry.limited_by,
        terms: Box::new(terms),
    }
}
