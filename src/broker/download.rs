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
    /// What must be known of the object first.
    pub(crate) existence: Existence,
}

/// What must be known of an object before there are URLs for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Existence {
    /// Nothing: whoever uses the URL finds out.
    #[default]
    Unknown,
    Required,
    /// It is there, and the URLs read the version that was found.
    Pinned,
}

/// Download URLs and what goes with them.
#[derive(Debug)]
pub(crate) struct IssuedDownload {
    /// The signed requests and when they stop working.
    pub(crate) signed: PresignedDownload,
    /// The object as it was found, if that was asked for.
    pub(crate) object: Option<StoredObject>,
    /// The tier that holds the object.
    pub(crate) tier: Arc<str>,
    /// The endpoint that the URLs go by.
    pub(crate) endpoint: EndpointName,
    pub(crate) decision_id: DecisionId,
}

impl Broker {
    /// Issues URLs that read an object. The decision comes with the answer, whatever it is.
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

    /// Finds out whether the object exists, where that is asked for, and binds the permit to the version that was found.
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
