//! The steps of every operation: decide, count, inspect, sign, finish.

use std::sync::Arc;
use std::time::SystemTime;

use super::decision::{Decision, DecisionId, Outcome, UseCase};
use super::error::BrokerError;
use super::{AuthenticatedCaller, Broker};
use access_broker_policy::{ObjectReference, PermittedObject, Policy, Refusal};
use access_broker_s3::presign::{Attribution, Presigner, Signing};
use access_broker_s3::storage::ObjectInspector;

/// A valid request for one operation.
pub(super) trait BrokerRequest {
    const USE_CASE: UseCase;

    /// The steps after the policy has permitted the request.
    type Task: PermittedTask;

    /// The object in the request.
    fn object(&self) -> &ObjectReference;

    fn decide(self, policy: &Policy, asking: &AuthenticatedCaller) -> Result<Self::Task, Refusal>;
}

/// A permitted operation. An operation without one of the steps does nothing in it.
pub(super) trait PermittedTask: Sized + Send + Sync {
    /// The result of the inspection.
    type Found: Send;
    type Signed: Send;
    /// The caller's result.
    type Answer;

    /// The object, with the tier and the grant that permit it.
    fn object(&self) -> &PermittedObject;

    /// Queries S3 for what must be known about the object first.
    fn inspect(
        self,
        inspector: &dyn ObjectInspector,
    ) -> impl Future<Output = Result<(Self, Self::Found), BrokerError>> + Send;

    /// Signs the caller's result.
    fn sign<'a>(
        &'a self,
        presigner: &'a dyn Presigner,
        attribution: &'a Attribution,
        now: SystemTime,
    ) -> Signing<'a, Self::Signed>;

    /// The answer, and what the decision records of it.
    fn conclude(self, found: Self::Found, signed: Self::Signed, decision_id: DecisionId) -> (Self::Answer, Outcome);
}

type AnswerTo<R> = <<R as BrokerRequest>::Task as PermittedTask>::Answer;

impl Broker {
    /// Does what a request asks for, as far as the policy permits it. The decision is returned together with the answer
    /// or the error.
    pub(super) async fn run<R: BrokerRequest>(
        &self,
        asking: &AuthenticatedCaller,
        request: R,
    ) -> (Decision, Result<AnswerTo<R>, BrokerError>) {
        let decision = self.begin(asking, R::USE_CASE, request.object());
        let decided = request.decide(&self.0.policy.current(), asking);
        match decided {
            Err(refusal) => decision.refused(refusal),
            Ok(task) => {
                let tier = Arc::clone(task.object().tier());
                let result = self.carry_out(&decision, task).await;
                decision.concluded(tier, result)
            }
        }
    }

    fn begin(&self, asking: &AuthenticatedCaller, use_case: UseCase, object: &ObjectReference) -> DecisionInProgress {
        let caller_id = self.0.pseudonyms.pseudonym(&asking.caller);
        let (id, asking, object) = ((self.0.decision_ids)(), asking.clone(), object.clone());
        DecisionInProgress { id, asking, caller_id, use_case, object }
    }

    async fn carry_out<T: PermittedTask>(
        &self,
        decision: &DecisionInProgress,
        task: T,
    ) -> Result<(T::Answer, Outcome), BrokerError> {
        let object = task.object();
        // A call counts before anything is done for it.
        self.0.quotas.admit(&decision.caller_id, object.tier(), object.quota()).await?;
        let (task, found) = task.inspect(&*self.0.inspector).await?;
        let attribution = decision.attribution();
        let signed = task.sign(&*self.0.presigner, &attribution, decision.asking.at).finish().await?;
        Ok(task.conclude(found, signed, decision.id))
    }
}

/// A decision in progress: what is known of it from its start.
struct DecisionInProgress {
    id: DecisionId,
    asking: AuthenticatedCaller,
    caller_id: String,
    use_case: UseCase,
    object: ObjectReference,
}

impl DecisionInProgress {
    /// What the URLs are attributed to.
    fn attribution(&self) -> Attribution {
        Attribution { decision_id: self.id.to_string(), caller_id: self.caller_id.clone() }
    }

    fn refused<A>(self, refusal: Refusal) -> (Decision, Result<A, BrokerError>) {
        let error = BrokerError::Refused(refusal.reason);
        (self.decision(refusal.tier, Outcome::Failed(error.clone())), Err(error))
    }

    /// The record of a permitted operation, successful or failed.
    fn concluded<A>(
        self,
        tier: Arc<str>,
        result: Result<(A, Outcome), BrokerError>,
    ) -> (Decision, Result<A, BrokerError>) {
        match result {
            Ok((answer, outcome)) => (self.decision(Some(tier), outcome), Ok(answer)),
            Err(error) => (self.decision(Some(tier), Outcome::Failed(error.clone())), Err(error)),
        }
    }

    fn decision(self, tier: Option<Arc<str>>, outcome: Outcome) -> Decision {
        let Self { id, asking, caller_id, use_case, object } = self;
        let AuthenticatedCaller { caller, at } = asking;
        Decision { id, at, caller, caller_id, use_case, object, tier, outcome }
    }
}
