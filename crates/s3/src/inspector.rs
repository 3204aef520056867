//! The inspector for S3: one HEAD request with the broker's credentials and endpoint, and one GET of the tags.

mod answer_guard;
mod description;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::provider::error::CredentialsError as ProviderError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Config, IdentityCache, Region};
use aws_sdk_s3::error::{DisplayErrorContext, SdkError};
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::types::{ChecksumMode, RequestPayer};
use tokio::time::{Instant, timeout_at};

use self::answer_guard::AnswerGuard;
use self::description::{described, tags_of};
use crate::credentials::CredentialsCache;
use crate::endpoint::{EndpointSettings, RequiredHeaders};
use crate::storage::StoredObject;
use crate::storage::{InspectionError, InspectionScope, ObjectInspector};
use access_broker_base::clock::Clock;
use access_broker_policy::{BucketName, HeaderText, PermittedObject};

/// How often one inspection tries: a kept connection may be dead, so there is a second attempt.
const ATTEMPTS: u32 = 2;

/// The parameters of inspections in one bucket.
#[derive(Debug, Clone)]
pub(crate) struct BucketAccess {
    /// The endpoint for the broker's requests.
    pub(crate) endpoint: EndpointSettings,
    /// The credentials for the broker's requests.
    pub(crate) credentials: Arc<CredentialsCache>,
    /// What each request must have.
    pub(crate) required_headers: RequiredHeaders,
}

/// Inspects objects of the configured buckets.
pub(crate) struct S3Inspector {
    buckets: HashMap<BucketName, Bucket>,
    clock: Arc<dyn Clock>,
    deadline: Duration,
}

struct Bucket {
    access: BucketAccess,
    /// Created at its first use: it reads the machine's certificate authorities, which a broker without inspections in
    /// the bucket does not need.
    client: OnceLock<Client>,
}

impl S3Inspector {
    /// Takes the buckets by their logical names, and the time limit of an inspection.
    #[must_use]
    pub(crate) fn new(buckets: HashMap<BucketName, BucketAccess>, clock: Arc<dyn Clock>, deadline: Duration) -> Self {
        let unopened = |access| Bucket { access, client: OnceLock::new() };
        let buckets = buckets.into_iter().map(|(name, access)| (name, unopened(access))).collect();
        Self { buckets, clock, deadline }
    }
}

#[async_trait]
impl ObjectInspector for S3Inspector {
    async fn inspect(
        &self,
        object: &PermittedObject,
        version_id: Option<&HeaderText>,
        scope: InspectionScope,
    ) -> Result<StoredObject, InspectionError> {
        let bucket = self.buckets.get(object.bucket()).ok_or(InspectionError::UnknownBucket)?;
        let client = bucket.client.get_or_init(|| client(&bucket.access, &self.clock, self.deadline));
        let inspection = Inspection { client, access: &bucket.access, key: object.key().as_str() };
        let deadline = Instant::now() + self.deadline;
        let head = match timeout_at(deadline, inspection.head(version_id)).await {
            Ok(Ok(answer)) if is_about_version(&answer, version_id) => answer,
            Ok(Ok(_)) => return Err(InspectionError::NotFound),
            Ok(Err(error)) => return Err(inspection_error(&error, version_id.is_some())),
            Err(_) => {
                let seconds = self.deadline.as_secs_f64();
                return Err(InspectionError::Unavailable(format!("timed out after {seconds} seconds")));
            }
        };
        let mut object = described(&head);
        if scope == InspectionScope::HeadersAndTags {
            // Of the described version, or of the current object in a bucket without versions.
            object.tags = timeout_at(deadline, inspection.tags(head.version_id())).await.ok().flatten();
        }
        Ok(object)
    }
}

/// An inspection of one object.
struct Inspection<'a> {
    client: &'a Client,
    access: &'a BucketAccess,
    key: &'a str,
}

impl Inspection<'_> {
    async fn head(&self, version_id: Option<&HeaderText>) -> Result<HeadObjectOutput, SdkError<HeadObjectError>> {
        let head = self
            .client
            .head_object()
            .bucket(self.access.endpoint.sdk_bucket())
            .key(self.key)
            .set_version_id(version_id.map(|id| id.as_str().to_owned()))
            .checksum_mode(ChecksumMode::Enabled)
            .set_expected_bucket_owner(self.owner())
            .set_request_payer(self.payer());
        head.send().await
    }

    /// The tags, or `None` if S3 does not return them, for any reason.
    async fn tags(&self, version_id: Option<&str>) -> Option<BTreeMap<String, String>> {
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let tags = self
            .client
            .get_object_tagging()
            .bucket(self.access.endpoint.sdk_bucket())
            .key(self.key)
            .set_version_id(version_id.map(str::to_owned))
            .set_expected_bucket_owner(self.owner())
            .set_request_payer(self.payer());
        tags_of(&tags.customize().config_override(once).send().await.ok()?, version_id)
    }

    fn owner(&self) -> Option<String> {
        self.access.required_headers.expected_bucket_owner.as_ref().map(|owner| owner.as_str().to_owned())
    }

    fn payer(&self) -> Option<RequestPayer> {
        self.access.required_headers.requester_pays.then_some(RequestPayer::Requester)
    }
}

impl fmt::Debug for S3Inspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Inspector").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

fn client(access: &BucketAccess, clock: &Arc<dyn Clock>, deadline: Duration) -> Client {
    let BucketAccess { endpoint, credentials, .. } = access;
    let timeouts = TimeoutConfig::builder().operation_timeout(deadline).build();
    let current = CurrentCredentials { cache: Arc::clone(credentials), clock: Arc::clone(clock) };
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(endpoint.region.clone()))
        .credentials_provider(current)
        // The broker's cache renews credentials ahead of need; the SDK's cache would keep a copy after a rotation.
        .identity_cache(IdentityCache::no_cache())
        .force_path_style(endpoint.sdk_path_style())
        .use_dual_stack(endpoint.dual_stack)
        .use_fips(endpoint.fips)
        .accelerate(endpoint.accelerate)
        .use_arn_region(false)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .interceptor(AnswerGuard)
        .timeout_config(timeouts);
    config.set_endpoint_url(endpoint.sdk_endpoint_url());
    Client::from_conf(config.build())
}

/// Gives the SDK the credentials that sign URLs.
struct CurrentCredentials {
    cache: Arc<CredentialsCache>,
    clock: Arc<dyn Clock>,
}

impl ProvideCredentials for CurrentCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let usable = self.cache.snapshot().filter(|held| !held.usable_for(self.clock.now()).is_zero());
        future::ProvideCredentials::ready(match usable {
            Some(held) => Ok(held.credentials().clone()),
            None => Err(ProviderError::not_loaded("the credentials are unavailable or have expired")),
        })
    }
}

impl fmt::Debug for CurrentCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentCredentials").finish_non_exhaustive()
    }
}

/// Whether the answer is about the requested version. Servers without versions ignore the parameter, and have only the
/// `null` version.
fn is_about_version(answer: &HeadObjectOutput, version_id: Option<&HeaderText>) -> bool {
    version_id.is_none_or(|asked| asked.as_str() == answer.version_id().unwrap_or("null"))
}

fn inspection_error(error: &SdkError<HeadObjectError>, for_version: bool) -> InspectionError {
    match error.raw_response().map(|response| response.status().as_u16()) {
        // An invalid version id: there is no such version.
        Some(400) if for_version => InspectionError::NotFound,
        // 405: the requested version is a delete marker.
        Some(404 | 405) => InspectionError::NotFound,
        // 400: for example, the object is encrypted by a key of its uploader (SSE-C). A retry does not help.
        Some(400 | 401 | 403) => InspectionError::Refused,
        Some(status) => InspectionError::Unavailable(format!("S3 answered with HTTP status {status}")),
        None => InspectionError::Unavailable(DisplayErrorContext(error).to_string()),
    }
}
