//! The use cases on messages: message, request, decision, answer.

use super::convert;
use super::proto::{
    IssueDownloadUrlRequest, IssueDownloadUrlResponse, IssueUploadUrlRequest, IssueUploadUrlResponse,
    VerifyUploadRequest, VerifyUploadResponse,
};
use crate::audit::AuditTrail;
use crate::broker::Broker;
use crate::calls::{AuthenticatedCall, Failure};
use access_broker_policy::BucketName;

/// The methods of `accessbroker.v1.AccessBrokerService`, for every wire. Each records its decision before it answers.
#[derive(Debug, Clone)]
pub(crate) struct Operations {
    broker: Broker,
    /// The bucket that an empty name means, if there is exactly one.
    sole_bucket: Option<BucketName>,
    audit: AuditTrail,
}

impl Operations {
    pub(crate) const fn new(broker: Broker, sole_bucket: Option<BucketName>, audit: AuditTrail) -> Self {
        Self { broker, sole_bucket, audit }
    }

    pub(crate) async fn issue_download_url(
        &self,
        call: &AuthenticatedCall,
        message: IssueDownloadUrlRequest,
    ) -> Result<IssueDownloadUrlResponse, Failure> {
        let request = call.valid(convert::download_request(message, self.sole_bucket.as_ref()))?;
        let issued = call.decided(&self.audit, self.broker.issue_download(call.asking(), request)).await?;
        Ok(convert::download_response(issued))
    }

    pub(crate) async fn issue_upload_url(
        &self,
        call: &AuthenticatedCall,
        message: IssueUploadUrlRequest,
    ) -> Result<IssueUploadUrlResponse, Failure> {
        let request = call.valid(convert::upload_request(message, self.sole_bucket.as_ref()))?;
        let issued = call.decided(&self.audit, self.broker.issue_upload(call.asking(), request)).await?;
        Ok(convert::upload_response(issued))
    }

    pub(crate) async fn verify_upload(
        &self,
        call: &AuthenticatedCall,
        message: VerifyUploadRequest,
    ) -> Result<VerifyUploadResponse, Failure> {
        let request = call.valid(convert::verification_request(message, self.sole_bucket.as_ref()))?;
        let verification = call.decided(&self.audit, self.broker.verify_upload(call.asking(), request)).await?;
        Ok(convert::verification_response(verification))
    }
}
