//! The gRPC service: message in, use case, message out.

use std::sync::Arc;

use opentelemetry::context::FutureExt;
use tonic::{Request, Response, Status, async_trait};

use super::convert;
use super::proto::access_broker_service_server::{AccessBrokerService, AccessBrokerServiceServer};
use super::proto::{
    IssueDownloadUrlRequest, IssueDownloadUrlResponse, IssueUploadUrlRequest, IssueUploadUrlResponse,
    VerifyUploadRequest, VerifyUploadResponse,
};
use super::status::{status_of_broker_error, status_of_violations, status_without_audit_record, status_without_caller};
use crate::audit::{AuditTrail, Circumstances};
use crate::broker::{AuthenticatedCaller, Broker, BrokerError, Decision};
use crate::calls::connection::ConnectionInfo;
use crate::calls::ended_decision::Recording;
use crate::calls::record::CallRecord;
use crate::policy::{BucketName, FieldViolation};

/// Serves `accessbroker.v1.AccessBrokerService`.
#[derive(Debug)]
pub struct BrokerService {
    broker: Broker,
    sole_bucket: Option<BucketName>,
    audit: AuditTrail,
}

impl BrokerService {
    /// A service over the broker, which records every decision before it answers. `sole_bucket` is the bucket that an
    /// empty name means, where there is just one.
    #[must_use]
    pub const fn new(broker: Broker, sole_bucket: Option<BucketName>, audit: AuditTrail) -> Self {
        Self { broker, sole_bucket, audit }
    }

    /// The tonic service. Messages larger than so many bytes are refused.
    #[must_use]
    pub fn into_server(self, max_message_size: usize) -> AccessBrokerServiceServer<Self> {
        AccessBrokerServiceServer::new(self).max_decoding_message_size(max_message_size)
    }
}

#[async_trait]
impl AccessBrokerService for BrokerService {
    async fn issue_download_url(
        &self,
        request: Request<IssueDownloadUrlRequest>,
    ) -> Result<Response<IssueDownloadUrlResponse>, Status> {
        let call = Call::of(&request)?;
        let request = call.valid(convert::download_request(request.into_inner(), self.sole_bucket.as_ref()))?;
        let issued = call.decided(&self.audit, self.broker.issue_download(&call.asking, request)).await?;
        Ok(Response::new(convert::download_response(issued)))
    }

    async fn issue_upload_url(
        &self,
        request: Request<IssueUploadUrlRequest>,
    ) -> Result<Response<IssueUploadUrlResponse>, Status> {
        let call = Call::of(&request)?;
        let request = call.valid(convert::upload_request(request.into_inner(), self.sole_bucket.as_ref()))?;
        let issued = call.decided(&self.audit, self.broker.issue_upload(&call.asking, request)).await?;
        Ok(Response::new(convert::upload_response(issued)))
    }

    async fn verify_upload(
        &self,
        request: Request<VerifyUploadRequest>,
    ) -> Result<Response<VerifyUploadResponse>, Status> {
        let call = Call::of(&request)?;
        let request = call.valid(convert::verification_request(request.into_inner(), self.sole_bucket.as_ref()))?;
        let verification = call.decided(&self.audit, self.broker.verify_upload(&call.asking, request)).await?;
        Ok(Response::new(convert::verification_response(verification)))
    }
}

/// What the layers left with a request.
struct Call {
    asking: AuthenticatedCaller,
    record: CallRecord,
    circumstances: Circumstances,
}

impl Call {
    fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        let extensions = request.extensions();
        let record = extensions.get::<CallRecord>().cloned().unwrap_or_default();
        match extensions.get::<AuthenticatedCaller>() {
            Some(asking) => {
                let circumstances = circumstances(request, &record);
                Ok(Self { asking: asking.clone(), record, circumstances })
            }
            // Only a server put together without its authentication layer gets here.
            None => Err(status_without_caller(record.request_id().as_str())),
        }
    }

    fn valid<T>(&self, request: Result<T, Vec<FieldViolation>>) -> Result<T, Status> {
        request.map_err(|violations| {
            self.record.set_reason("request_invalid");
            status_of_violations(&violations, None, self.record.request_id().as_str())
        })
    }

    /// Waits for a decision, as a step of the call's trace, and gives the answer once the decision is recorded. Without
    /// the record nothing of it leaves, not even the refusal.
    async fn decided<A>(
        &self,
        audit: &AuditTrail,
        deciding: impl Future<Output = (Decision, Result<A, BrokerError>)>,
    ) -> Result<A, Status> {
        let step = self.record.trace().step("decide");
        let (decision, result) = deciding.with_context(step.context()).await;
        step.set("access_broker.operation", decision.use_case.operation().name());
        step.set("access_broker.outcome", decision.outcome.name());
        if let Some(tier) = &decision.tier {
            step.set("access_broker.tier", Arc::clone(tier));
        }
        if let Err(error) = &result {
            step.set("access_broker.reason", error.code());
        }
        drop(step);
        let id = decision.id;
        let recording = audit.record(&decision, &self.circumstances);
        self.record.set_decision(decision);
        let request_id = self.record.request_id().as_str();
        recording.await.map_err(|_| {
            self.record.set_recording(Recording::Failed);
            self.record.set_reason("audit_unavailable");
            status_without_audit_record(id, request_id)
        })?;
        self.record.set_recording(Recording::Kept);
        result.map_err(|error| status_of_broker_error(&error, id, request_id))
    }
}

/// What the audit record tells beside the decision.
fn circumstances<T>(request: &Request<T>, record: &CallRecord) -> Circumstances {
    Circumstances {
        peer: request.extensions().get::<ConnectionInfo>().map(|connection| connection.peer.address),
        trace_id: record.trace_id().map(|id| id.to_string()),
        request_id: Some(record.request_id().as_str().to_owned()),
    }
}
