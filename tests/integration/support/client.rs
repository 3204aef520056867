//! The generated gRPC client, with the caller's proof on every call.

use std::net::SocketAddr;

use access_broker::contract::proto::access_broker_service_client::AccessBrokerServiceClient;
use access_broker::contract::proto::{
    IssueDownloadUrlRequest, IssueDownloadUrlResponse, IssueUploadUrlRequest, IssueUploadUrlResponse, SignedRequest,
    VerifyUploadRequest, VerifyUploadResponse,
};
use tokio::time;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::{ErrorInfo, StatusExt};

use super::{PATIENCE, tcp_channel};

/// An id that calls may share, so that nothing but their own differences is in the details of their errors.
pub(crate) const SHARED_REQUEST_ID: (&str, &str) = ("x-request-id", "the-same-for-all");

/// A client with fixed metadata.
pub(crate) struct Client {
    inner: AccessBrokerServiceClient<Channel>,
    metadata: Vec<(AsciiMetadataKey, AsciiMetadataValue)>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, authorization: &[&str]) -> Self {
        let metadata: Vec<_> = authorization.iter().map(|value| ("authorization", *value)).collect();
        Self::over(tcp_channel(address).await, &metadata)
    }

    /// A client over a channel, which sends these names and values with every call, in this order.
    pub(crate) fn over(channel: Channel, metadata: &[(&'static str, &str)]) -> Self {
        let inner = AccessBrokerServiceClient::new(channel);
        let metadata = metadata.iter().map(|(name, value)| (*name, value.as_bytes()));
        Self { inner, metadata: Vec::new() }.with_metadata(metadata)
    }

    /// A client over the same channel with other names and values. Values may hold what HTTP can carry: any bytes but
    /// control characters, and the tab.
    pub(crate) fn with_metadata<'a>(&self, metadata: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let parsed = metadata.into_iter().map(|(name, value)| {
            let value = AsciiMetadataValue::try_from(value);
            (name.parse().unwrap(), value.unwrap_or_else(|error| panic!("{error}: the value of {name}")))
        });
        Self { inner: self.inner.clone(), metadata: parsed.collect() }
    }

    pub(crate) async fn download(&self, bucket: &str, key: &str) -> Result<IssueDownloadUrlResponse, Status> {
        self.issue_download(IssueDownloadUrlRequest { bucket: bucket.into(), key: key.into(), ..Default::default() })
            .await
    }

    pub(crate) async fn issue_download(
        &self,
        message: IssueDownloadUrlRequest,
    ) -> Result<IssueDownloadUrlResponse, Status> {
        let mut client = self.inner.clone();
        answered(client.issue_download_url(self.request(message))).await
    }

    pub(crate) async fn issue_upload(&self, message: IssueUploadUrlRequest) -> Result<IssueUploadUrlResponse, Status> {
        let mut client = self.inner.clone();
        answered(client.issue_upload_url(self.request(message))).await
    }

    pub(crate) async fn verify_upload(&self, message: VerifyUploadRequest) -> Result<VerifyUploadResponse, Status> {
        let mut client = self.inner.clone();
        answered(client.verify_upload(self.request(message))).await
    }

    /// A message with the metadata, for other services than this client's.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        for (name, value) in &self.metadata {
            request.metadata_mut().append(name.clone(), value.clone());
        }
        request
    }
}

/// The answer to a call. The broker's own limits are shorter than this one.
async fn answered<T>(call: impl Future<Output = Result<tonic::Response<T>, Status>>) -> Result<T, Status> {
    let answer = time::timeout(10 * PATIENCE, call).await.expect("a call timed out");
    answer.map(tonic::Response::into_inner)
}

/// The one `ErrorInfo` that every error must carry.
pub(crate) fn error_info(status: &Status) -> ErrorInfo {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "accessbroker.v1");
    info
}

/// The names of the fields that `BadRequest` lists, in its order.
pub(crate) fn field_violations(status: &Status) -> Vec<String> {
    let details = status.get_details_bad_request().unwrap_or_else(|| panic!("no BadRequest: {status:?}"));
    details.field_violations.into_iter().map(|violation| violation.field).collect()
}

/// A signed request as `reqwest` sends it: method, URL and exactly the headers of the answer.
pub(crate) fn http_request(http: &reqwest::Client, signed: &SignedRequest) -> reqwest::RequestBuilder {
    let method = signed.method.parse().unwrap();
    let request = http.request(method, &signed.url);
    signed.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
}
