//! URLs that read an object.

use std::sync::Arc;
use std::time::SystemTime;

use super::decision::{Decision, DecisionId, Outcome, UseCase};
use super::error::BrokerError;
use super::issued_terms::IssuedTerms;
use super::steps::{BrokerRequest, PermittedTask};
use super::{AuthenticatedCaller, Broker};
use access_broker_policy::{
    AccessRequest, EndpointName, HeaderText, ObjectReference, Permit, PermittedDownload, PermittedObject, Policy,
    Refusal, RequestedDownload,
};
use access_broker_s3::presign::{Attribution, PresignedDownload, Presigner, Signing};
use access_broker_s3::storage::{InspectionScope, ObjectInspector, StoredObject};

/// A valid request for download URLs.
#[derive(Debug, Clone)]
pub(crate) struct DownloadRequest {
    /// What to read, how, and for how long.
    pub(crate) access: AccessRequest<RequestedDownload>,
    /// What must be known about the object before the URLs are signed.
    pub(crate) existence: Existence,
}

/// What must be known about an object before URLs are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Existence {
    /// Nothing: S3 answers the client that uses the URL.
    #[default]
    Unknown,
    Required,
    /// The object exists, and the URLs are bound to its current version.
    Pinned,
}

/// Download URLs and their attributes.
#[derive(Debug)]
pub(crate) struct IssuedDownload {
    /// The signed requests and their expiry.
    pub(crate) signed: PresignedDownload,
    /// The object's attributes, if they were requested.
    pub(crate) object: Option<StoredObject>,
    /// The tier that contains the object.
    pub(crate) tier: Arc<str>,
    /// The endpoint that the URLs use.
    pub(crate) endpoint: EndpointName,
    pub(crate) decision_id: DecisionId,
}

impl Broker {
    /// Issues URLs that read an object. The decision is returned together with the answer or the error.
    pub(crate) async fn issue_download(
        &self,
        asking: &AuthenticatedCaller,
        request: DownloadRequest,
    ) -> (Decision, Result<IssuedDownload, BrokerError>) {
        self.run(asking, request).await
    }
}

impl BrokerRequest for DownloadRequest {
    const USE_CASE: UseCase = UseCase::IssueDownloadUrl;

    type Task = DownloadTask;

    fn object(&self) -> &ObjectReference {
        &self.access.object
    }

    fn decide(self, policy: &Policy, asking: &AuthenticatedCaller) -> Result<DownloadTask, Refusal> {
        let permit = policy.decide_download(&asking.caller, self.access, asking.at)?;
        Ok(DownloadTask { permit, existence: self.existence })
    }
}

pub(super) struct DownloadTask {
    permit: Permit<PermittedDownload>,
    existence: Existence,
}

impl PermittedTask for DownloadTask {
    type Found = Option<StoredObject>;
    type Signed = PresignedDownload;
    type Answer = IssuedDownload;

    fn object(&self) -> &PermittedObject {
        self.permit.object()
    }

    /// Checks whether the object exists, if requested, and binds the permit to the current version.
    async fn inspect(self, inspector: &dyn ObjectInspector) -> Result<(Self, Option<StoredObject>), BrokerError> {
        let Self { permit, existence } = self;
        if existence == Existence::Unknown {
            return Ok((Self { permit, existence }, None));
        }
        let version_id = permit.terms().version_id.as_ref();
        let object = inspector.inspect(permit.object(), version_id, InspectionScope::Headers).await?;
        let permit = if existence == Existence::Pinned { pinned(permit, &object)? } else { permit };
        Ok((Self { permit, existence }, Some(object)))
    }

    fn sign<'a>(
        &'a self,
        presigner: &'a dyn Presigner,
        attribution: &'a Attribution,
        now: SystemTime,
    ) -> Signing<'a, PresignedDownload> {
        presigner.sign_download(&self.permit, attribution, now)
    }

    fn conclude(
        self,
        object: Option<StoredObject>,
        signed: PresignedDownload,
        decision_id: DecisionId,
    ) -> (IssuedDownload, Outcome) {
        let outcome = Outcome::issued(&self.permit, signed.expiry, IssuedTerms::from_download(&self.permit));
        let tier = Arc::clone(self.permit.object().tier());
        let endpoint = self.permit.endpoint().clone();
        (IssuedDownload { signed, object, tier, endpoint, decision_id }, outcome)
    }
}

fn pinned(permit: Permit<PermittedDownload>, object: &StoredObject) -> Result<Permit<PermittedDownload>, BrokerError> {
    let found = object.version_id.as_deref().and_then(|id| HeaderText::parse(id).ok());
    found.map(|version_id| permit.pinned_to(version_id)).ok_or(BrokerError::NoVersion)
}
