//! The inspector for S3: one HEAD by the broker's own credentials and endpoint.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::provider::error::CredentialsError as ProviderError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Config, IdentityCache, Region};
use aws_sdk_s3::error::{DisplayErrorContext, SdkError};
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::types::{ChecksumMode, ChecksumType, RequestPayer};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::time::timeout;

use super::inspector::{InspectionError, ObjectInspector, StoredObject};
use crate::clock::Clock;
use crate::policy::{BucketName, Checksum, ChecksumAlgorithm, DECISION_METADATA, HeaderText, PermittedObject};
use crate::presign::credentials::CredentialsCache;
use crate::presign::{EndpointSettings, RequiredHeaders};

/// How often one look asks S3: a connection that was kept open too long deserves a second try.
const ATTEMPTS: u32 = 2;

/// What it takes to look into one bucket.
#[derive(Debug, Clone)]
pub struct BucketAccess {
    /// Where the broker finds the bucket.
    pub endpoint: EndpointSettings,
    /// Who looks.
    pub credentials: Arc<CredentialsCache>,
    /// What every request must carry.
    pub required_headers: RequiredHeaders,
}

/// Looks into the buckets that it was given.
pub struct S3Inspector {
    buckets: HashMap<BucketName, Bucket>,
    clock: Arc<dyn Clock>,
    deadline: Duration,
}

struct Bucket {
    access: BucketAccess,
    /// Made at its first use: it reads the machine's certificate authorities, which a broker that never looks into the
    /// bucket does not need.
    client: OnceLock<Client>,
}

impl S3Inspector {
    /// Takes the buckets by their logical names. No look takes longer than `deadline`.
    #[must_use]
    pub fn new(buckets: HashMap<BucketName, BucketAccess>, clock: Arc<dyn Clock>, deadline: Duration) -> Self {
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
    ) -> Result<StoredObject, InspectionError> {
        let bucket = self.buckets.get(object.bucket()).ok_or(InspectionError::UnknownBucket)?;
        let BucketAccess { endpoint, required_headers, .. } = &bucket.access;
        let RequiredHeaders { expected_bucket_owner, requester_pays } = required_headers;
        let client = bucket.client.get_or_init(|| client(&bucket.access, &self.clock, self.deadline));
        let head = client
            .head_object()
            .bucket(endpoint.sdk_bucket())
            .key(object.key().as_str())
            .set_version_id(version_id.map(|id| id.as_str().to_owned()))
            .checksum_mode(ChecksumMode::Enabled)
            .set_expected_bucket_owner(expected_bucket_owner.as_ref().map(|owner| owner.as_str().to_owned()))
            .set_request_payer(requester_pays.then_some(RequestPayer::Requester));
        match timeout(self.deadline, head.send()).await {
            Ok(Ok(answer)) if answers_for(&answer, version_id) => Ok(described(&answer)),
            Ok(Ok(_)) => Err(InspectionError::NotFound),
            Ok(Err(error)) => Err(inspection_error(&error, version_id.is_some())),
            Err(_) => {
                let seconds = self.deadline.as_secs_f64();
                Err(InspectionError::Unavailable(format!("no answer within {seconds} seconds")))
            }
        }
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
    let held = HeldCredentials { cache: Arc::clone(credentials), clock: Arc::clone(clock) };
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(endpoint.region.clone()))
        .credentials_provider(held)
        // The credentials' own cache renews them ahead of need; the SDK's would keep a copy past a rotation.
        .identity_cache(IdentityCache::no_cache())
        .force_path_style(endpoint.sdk_path_style())
        .use_dual_stack(endpoint.dual_stack)
        .use_fips(endpoint.fips)
        .accelerate(endpoint.accelerate)
        .use_arn_region(false)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts);
    config.set_endpoint_url(endpoint.sdk_endpoint_url());
    Client::from_conf(config.build())
}

/// The credentials that sign URLs, for the SDK.
struct HeldCredentials {
    cache: Arc<CredentialsCache>,
    clock: Arc<dyn Clock>,
}

impl ProvideCredentials for HeldCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let usable = self.cache.snapshot().filter(|held| !held.usable_for(self.clock.now()).is_zero());
        future::ProvideCredentials::ready(match usable {
            Some(held) => Ok(held.credentials().clone()),
            None => Err(ProviderError::not_loaded("no credentials that have not ended are at hand")),
        })
    }
}

impl fmt::Debug for HeldCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldCredentials").finish_non_exhaustive()
    }
}

/// Whether the answer is about the version that was asked for. Servers without versions ignore the question, and have
/// none but the `null` version.
fn answers_for(answer: &HeadObjectOutput, version_id: Option<&HeaderText>) -> bool {
    version_id.is_none_or(|asked| asked.as_str() == answer.version_id().unwrap_or("null"))
}

fn inspection_error(error: &SdkError<HeadObjectError>, for_version: bool) -> InspectionError {
    match error.raw_response().map(|response| response.status().as_u16()) {
        // What cannot be a version id is the id of no version.
        Some(400) if for_version => InspectionError::NotFound,
        // 405: the version asked for is the mark of a deletion.
        Some(404 | 405) => InspectionError::NotFound,
        Some(401 | 403) => InspectionError::Refused,
        Some(status) => InspectionError::Unavailable(format!("S3 answered with HTTP status {status}")),
        None => InspectionError::Unavailable(DisplayErrorContext(error).to_string()),
    }
}

fn described(answer: &HeadObjectOutput) -> StoredObject {
    let text = |value: Option<&str>| value.map(str::to_owned);
    StoredObject {
        size: answer.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or_default(),
        etag: answer.e_tag().unwrap_or_default().to_owned(),
        version_id: text(answer.version_id().filter(|id| *id != "null")),
        content_type: text(answer.content_type()),
        last_modified: answer.last_modified().and_then(|time| SystemTime::try_from(*time).ok()),
        checksums: checksums(answer),
        decision_id: answer.metadata().and_then(|metadata| metadata.get(DECISION_METADATA)).cloned(),
    }
}

fn checksums(answer: &HeadObjectOutput) -> Vec<Checksum> {
    // S3 names the type since checksums of parts can be of the whole object; before that, a dash told them apart.
    if answer.checksum_type().is_some_and(|kind| *kind != ChecksumType::FullObject) {
        return Vec::new();
    }
    let stored = [
        (ChecksumAlgorithm::Crc32, answer.checksum_crc32()),
        (ChecksumAlgorithm::Crc32c, answer.checksum_crc32_c()),
        (ChecksumAlgorithm::Crc64Nvme, answer.checksum_crc64_nvme()),
        (ChecksumAlgorithm::Md5, answer.checksum_md5()),
        (ChecksumAlgorithm::Sha1, answer.checksum_sha1()),
        (ChecksumAlgorithm::Sha256, answer.checksum_sha256()),
    ];
    let whole = |(algorithm, text): (ChecksumAlgorithm, Option<&str>)| {
        let bytes = STANDARD.decode(text?).ok()?;
        Checksum::new(algorithm, &bytes).ok()
    };
    stored.into_iter().filter_map(whole).collect()
}
