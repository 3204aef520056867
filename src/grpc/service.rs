//! The gRPC service: message, use case, message.

use tonic::{Request, Response, Status, async_trait};

use super::convert;
use super::proto::access_broker_service_server::{AccessBrokerService, AccessBrokerServiceServer};
use super::proto::{
    IssueDownloadUrlRequest, IssueDownloadUrlResponse, IssueUploadUrlRequest, IssueUploadUrlResponse,
    VerifyUploadRequest, VerifyUploadResponse,
};
use super::status::status;
use crate::audit::AuditTrail;
use crate::broker::Broker;
use crate::calls::AuthenticatedCall;
use access_broker_policy::BucketName;

/// Serves `accessbroker.v1.AccessBrokerService`.
#[derive(Debug)]
pub struct BrokerService {
    broker: Broker,
    sole_bucket: Option<BucketName>,
    audit: AuditTrail,
}

impl BrokerService {
    /// A service over the broker, which records every decision before it answers. `sole_bucket` is the bucket that an
    /// empty name means, if there is exactly one.
    #[must_use]
    pub const fn new(broker: Broker, sole_bucket: Option<BucketName>, audit: AuditTrail) -> Self {
        Self { broker, sole_bucket, audit }
    }

    /// The tonic service. Messages above this size are refused.
    #[must_use]
    pub(crate) fn into_server(self, max_message_size: usize) -> AccessBrokerServiceServer<Self> {
        AccessBrokerServiceServer::new(self).max_decoding_message_size(max_message_size)
    }
}

#[async_trait]
impl AccessBrokerService for BrokerService {
    async fn issue_download_url(
        &self,
        mut request: Request<IssueDownloadUrlRequest>,
    ) -> Result<Response<IssueDownloadUrlResponse>, Status> {
        let call = authenticated_call(&mut request)?;
        let told = |failure| status(&failure, call.request_id());
        let request = convert::download_request(request.into_inner(), self.sole_bucket.as_ref());
        let request = call.valid(request).map_err(told)?;
        let issued =
            call.decided(&self.audit, self.broker.issue_download(call.asking(), request)).await.map_err(told)?;
        Ok(Response::new(convert::download_response(issued)))
    }

    async fn issue_upload_url(
        &self,
        mut request: Request<IssueUploadUrlRequest>,
    ) -> Result<Response<IssueUploadUrlResponse>, Status> {
        let call = authenticated_call(&mut request)?;
        let told = |failure| status(&failure, call.request_id());
        let request = convert::upload_request(request.into_inner(), self.sole_bucket.as_ref());
        let request = call.valid(request).map_err(told)?;
        let issued = call.decided(&self.audit, self.broker.issue_upload(call.asking(), request)).await.map_err(told)?;
        Ok(Response::new(convert::upload_response(issued)))
    }

    async fn verify_upload(
        &self,
        mut request: Request<VerifyUploadRequest>,
    ) -> Result<Response<VerifyUploadResponse>, Status> {
        let call = authenticated_call(&mut request)?;
        let told = |failure| status(&failure, call.request_id());
        let request = convert::verification_request(request.into_inner(), self.sole_bucket.as_ref());
        let request = call.valid(request).map_err(told)?;
        let verification =
            call.decided(&self.audit, self.broker.verify_upload(call.asking(), request)).await.map_err(told)?;
        Ok(Response::new(convert::verification_response(verification)))
    }
}

/// The call that the pipeline attached to a message.
fn authenticated_call<T>(request: &mut Request<T>) -> Result<AuthenticatedCall, Status> {
    // Without a record of the call there is no id to return.
    AuthenticatedCall::expect_present(request.extensions_mut().remove()).map_err(|failure| status(&failure, ""))
}
