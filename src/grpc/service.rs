//! The gRPC service: the call of a message, its use case, and the status of a failure.

use tonic::{Request, Response, Status, async_trait};

use super::status::status;
use crate::audit::AuditTrail;
use crate::broker::Broker;
use crate::calls::{AuthenticatedCall, Failure};
use crate::contract::Operations;
use crate::contract::proto::access_broker_service_server::{AccessBrokerService, AccessBrokerServiceServer};
use crate::contract::proto::{
    IssueDownloadUrlRequest, IssueDownloadUrlResponse, IssueUploadUrlRequest, IssueUploadUrlResponse,
    VerifyUploadRequest, VerifyUploadResponse,
};
use access_broker_policy::BucketName;

/// Serves `accessbroker.v1.AccessBrokerService`.
#[derive(Debug)]
pub struct BrokerService(Operations);

impl BrokerService {
    /// A service over the broker, which records every decision before it answers. `sole_bucket` is the bucket that an
    /// empty name means, if there is exactly one.
    #[must_use]
    pub const fn new(broker: Broker, sole_bucket: Option<BucketName>, audit: AuditTrail) -> Self {
        Self(Operations::new(broker, sole_bucket, audit))
    }

    /// The tonic service. Messages above this size are refused.
    #[must_use]
    pub(crate) fn into_server(self, max_message_size: usize) -> AccessBrokerServiceServer<Self> {
        AccessBrokerServiceServer::new(self).max_decoding_message_size(max_message_size)
    }
}

impl From<Operations> for BrokerService {
    fn from(operations: Operations) -> Self {
        Self(operations)
    }
}

#[async_trait]
impl AccessBrokerService for BrokerService {
    async fn issue_download_url(
        &self,
        request: Request<IssueDownloadUrlRequest>,
    ) -> Result<Response<IssueDownloadUrlResponse>, Status> {
        let (call, message) = taken_apart(request)?;
        answer(&call, self.0.issue_download_url(&call, message).await)
    }

    async fn issue_upload_url(
        &self,
        request: Request<IssueUploadUrlRequest>,
    ) -> Result<Response<IssueUploadUrlResponse>, Status> {
        let (call, message) = taken_apart(request)?;
        answer(&call, self.0.issue_upload_url(&call, message).await)
    }

    async fn verify_upload(
        &self,
        request: Request<VerifyUploadRequest>,
    ) -> Result<Response<VerifyUploadResponse>, Status> {
        let (call, message) = taken_apart(request)?;
        answer(&call, self.0.verify_upload(&call, message).await)
    }
}

/// The call that the pipeline attached to a message, and the message.
fn taken_apart<M>(mut request: Request<M>) -> Result<(AuthenticatedCall, M), Status> {
    // Without a record of the call there is no id to return.
    let call = AuthenticatedCall::expect_present(request.extensions_mut().remove());
    Ok((call.map_err(|failure| status(&failure, ""))?, request.into_inner()))
}

fn answer<A>(call: &AuthenticatedCall, result: Result<A, Failure>) -> Result<Response<A>, Status> {
    result.map(Response::new).map_err(|failure| status(&failure, call.request_id()))
}
