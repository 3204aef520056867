//! URLs that read an object.

use std::sync::Arc;

use super::conclusion::{Pending, issued};
use super::decision::{Decision, DecisionId, Outcome, UseCase};
use super::error::BrokerError;
use super::issued_terms::IssuedTerms;
use super::{AuthenticatedCaller, Broker};
use crate::policy::{AccessRequest, EndpointName, HeaderText, Operation, Permit, PermittedDownload, RequestedDownload};
use crate::presign::PresignedDownload;
use crate::storage::{Look, StoredObject};

/// A valid request for download URLs.
#[derive(Debug, Clone)]
pub struct DownloadRequest {
    /// What to read, how, and for how long.
    pub access: AccessRequest<RequestedDownload>,
    /// What must be known of the object first.
    pub existence: Existence,
}

/// What must be known of an object before there are URLs for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existence {
    /// Nothing: whoever uses the URL finds out.
    #[default]
    Unknown,
    /// It is there.
    Required,
    /// It is there, and the URLs read the version that was found.
    Pinned,
}

/// Download URLs and what goes with them.
#[derive(Debug)]
pub struct IssuedDownload {
    /// The signed requests and when they stop working.
    pub signed: PresignedDownload,
    /// The object as it was found, if that was asked for.
    pub object: Option<StoredObject>,
    /// The tier that holds the object.
    pub tier: Arc<str>,
    /// The endpoint that the URLs go by.
    pub endpoint: EndpointName,
    /// The decision's id.
    pub decision_id: DecisionId,
}

impl Broker {
    /// Issues URLs that read an object. The decision comes with the answer, whatever it is.
    pub async fn issue_download(
        &self,
        asking: &AuthenticatedCaller,
        request: DownloadRequest,
    ) -> (Decision, Result<IssuedDownload, BrokerError>) {
        let DownloadRequest { access, existence } = request;
        let pending = self.pending(asking, UseCase::IssueDownloadUrl, &access.object);
        let decided = self.0.policy.current().decide_download(&asking.caller, access, asking.at);
        match decided {
            Err(refusal) => pending.refused(refusal),
            Ok(permit) => {
                let permitted = permit.object().clone();
                let result = self.download(asking, &pending, permit, existence).await;
                pending.concluded(&permitted, result)
            }
        }
    }

    async fn download(
        &self,
        asking: &AuthenticatedCaller,
        pending: &Pending,
        permit: Permit<PermittedDownload>,
        existence: Existence,
    ) -> Result<(IssuedDownload, Outcome), BrokerError> {
        self.admit(pending, permit.object())?;
        let (permit, object) = match existence {
            Existence::Unknown => (permit, None),
            Existence::Required | Existence::Pinned => {
                let version_id = permit.terms().version_id.as_ref();
                let object = self.0.inspector.inspect(permit.object(), version_id, Look::Headers).await?;
                let permit = if existence == Existence::Pinned { pinned(permit, &object)? } else { permit };
                (permit, Some(object))
            }
        };
        let attribution = pending.attribution();
        let sign = || self.0.presigner.presign_download(&permit, &attribution, asking.at);
        let signed = self.signed(permit.object().bucket(), Operation::Download, sign).await?;
        let outcome = issued(&permit, signed.expiry, IssuedTerms::of_download(&permit));
        let answer = IssuedDownload {
            signed,
            object,
            tier: Arc::clone(permit.object().tier()),
            endpoint: permit.endpoint().clone(),
            decision_id: pending.id,
        };
        Ok((answer, outcome))
    }
}

fn pinned(permit: Permit<PermittedDownload>, object: &StoredObject) -> Result<Permit<PermittedDownload>, BrokerError> {
    let found = object.version_id.as_deref().and_then(|id| HeaderText::parse(id).ok());
    found.map(|version_id| permit.pinned_to(version_id)).ok_or(BrokerError::NoVersion)
}
