//! A URL that writes an object.

use std::sync::Arc;
use std::time::SystemTime;

use super::decision::{Decision, DecisionId, Outcome, UseCase};
use super::error::BrokerError;
use super::issued_terms::IssuedTerms;
use super::steps::{BrokerRequest, PermittedTask};
use super::{AuthenticatedCaller, Broker};
use access_broker_policy::{
    AccessRequest, EndpointName, ObjectReference, Permit, PermittedObject, PermittedUpload, Policy, Refusal,
    RequestedUpload,
};
use access_broker_s3::presign::{Attribution, PresignedUpload, Presigner, Signing};
use access_broker_s3::storage::ObjectInspector;

/// A valid request for an upload URL: what to write, how, and for how long.
pub(crate) type UploadRequest = AccessRequest<RequestedUpload>;

/// An upload URL and its attributes.
#[derive(Debug)]
pub(crate) struct IssuedUpload {
    /// The signed request and its expiry.
    pub(crate) signed: PresignedUpload,
    /// The tier that contains the object.
    pub(crate) tier: Arc<str>,
    /// The endpoint that the URL uses.
    pub(crate) endpoint: EndpointName,
    pub(crate) decision_id: DecisionId,
}

impl Broker {
    /// Issues a URL that writes an object. The decision is returned together with the answer or the error.
    pub(crate) async fn issue_upload(
        &self,
        asking: &AuthenticatedCaller,
        request: UploadRequest,
    ) -> (Decision, Result<IssuedUpload, BrokerError>) {
        self.run(asking, request).await
    }
}

impl BrokerRequest for UploadRequest {
    const USE_CASE: UseCase = UseCase::IssueUploadUrl;

    type Task = UploadTask;

    fn object(&self) -> &ObjectReference {
        &self.object
    }

    fn decide(self, policy: &Policy, asking: &AuthenticatedCaller) -> Result<UploadTask, Refusal> {
        policy.decide_upload(&asking.caller, self, asking.at).map(UploadTask)
    }
}

pub(super) struct UploadTask(Permit<PermittedUpload>);

impl PermittedTask for UploadTask {
    type Found = ();
    type Signed = PresignedUpload;
    type Answer = IssuedUpload;

    fn object(&self) -> &PermittedObject {
        self.0.object()
    }

    async fn inspect(self, _inspector: &dyn ObjectInspector) -> Result<(Self, ()), BrokerError> {
        Ok((self, ()))
    }

    fn sign<'a>(
        &'a self,
        presigner: &'a dyn Presigner,
        attribution: &'a Attribution,
        now: SystemTime,
    ) -> Signing<'a, PresignedUpload> {
        presigner.sign_upload(&self.0, attribution, now)
    }

    fn conclude(self, (): (), signed: PresignedUpload, decision_id: DecisionId) -> (IssuedUpload, Outcome) {
        let Self(permit) = self;
        let outcome = Outcome::issued(&permit, signed.expiry, IssuedTerms::from_upload(&permit));
        let tier = Arc::clone(permit.object().tier());
        (IssuedUpload { signed, tier, endpoint: permit.endpoint().clone(), decision_id }, outcome)
    }
}
