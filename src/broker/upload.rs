//! A URL that writes an object.

use std::sync::Arc;

use super::conclusion::{Pending, issued};
use super::decision::{Decision, DecisionId, Outcome, UseCase};
use super::error::BrokerError;
use super::issued_terms::IssuedTerms;
use super::{AuthenticatedCaller, Broker};
use crate::policy::{AccessRequest, EndpointName, Operation, Permit, PermittedUpload, RequestedUpload};
use crate::presign::PresignedUpload;

/// A valid request for an upload URL: what to write, how, and for how long.
pub type UploadRequest = AccessRequest<RequestedUpload>;

/// An upload URL and what goes with it.
#[derive(Debug)]
pub struct IssuedUpload {
    /// The signed request and when it stops working.
    pub signed: PresignedUpload,
    /// The tier that holds the object.
    pub tier: Arc<str>,
    /// The endpoint that the URL goes by.
    pub endpoint: EndpointName,
    /// The decision's id.
    pub decision_id: DecisionId,
}

impl Broker {
    /// Issues a URL that writes an object. The decision comes with the answer, whatever it is.
    pub async fn issue_upload(
        &self,
        asking: &AuthenticatedCaller,
        request: UploadRequest,
    ) -> (Decision, Result<IssuedUpload, BrokerError>) {
        let pending = self.pending(asking, UseCase::IssueUploadUrl, &request.object);
        let decided = self.0.policy.current().decide_upload(&asking.caller, request, asking.at);
        match decided {
            Err(refusal) => pending.refused(refusal),
            Ok(permit) => {
                let result = self.upload(asking, &pending, &permit).await;
                pending.concluded(permit.object(), result)
            }
        }
    }

    async fn upload(
        &self,
        asking: &AuthenticatedCaller,
        pending: &Pending,
        permit: &Permit<PermittedUpload>,
    ) -> Result<(IssuedUpload, Outcome), BrokerError> {
        self.admit(pending, permit.object())?;
        let attribution = pending.attribution();
        let sign = || self.0.presigner.presign_upload(permit, &attribution, asking.at);
        let signed = self.signed(permit.object().bucket(), Operation::Upload, sign).await?;
        let outcome = issued(permit, signed.expiry, IssuedTerms::of_upload(permit));
        let answer = IssuedUpload {
            signed,
            tier: Arc::clone(permit.object().tier()),
            endpoint: permit.endpoint().clone(),
            decision_id: pending.id,
        };
        Ok((answer, outcome))
    }
}
