//! The configured buckets, with their presigner, their inspector and the credentials of both.

mod signing_credentials;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use thiserror::Error;

use self::signing_credentials::{SigningCredentials, longest_url_life};
use crate::credentials::{
    BucketCredentials, CredentialsCache, CredentialsError, CredentialsSettings, DefaultChain, ReadEnv,
    StaticCredentialsSource, have_same_key,
};
use crate::endpoint::{NamedEndpoint, RequiredHeaders};
use crate::inspector::{BucketAccess, S3Inspector};
use crate::presign::{BoxFuture, Presigner, SignerStatus, SignerUpkeep, SigningAvailability, SigningCredentialsStatus};
use crate::signer::{BucketSigner, EntityTagForm, SigV4Presigner};
use crate::storage::ObjectInspector;
use access_broker_base::clock::Clock;
use access_broker_policy::{BucketName, EndpointName, Operation, Policy};

/// The configuration of one bucket.
#[derive(Debug, Clone)]
pub struct S3Bucket {
    /// Its name for callers, in policies and in logs.
    pub name: BucketName,
    /// All have the same objects.
    pub endpoints: Vec<NamedEndpoint>,
    /// The endpoint for the broker's own requests.
    pub broker_endpoint: EndpointName,
    /// What each request must have.
    pub required_headers: RequiredHeaders,
    /// The format of the tag in `If-Match`.
    pub etag_form: EntityTagForm,
    /// Whether URLs name their caller and decision.
    pub attribution: bool,
    /// The credentials for URLs and for inspections.
    pub credentials: CredentialsSettings,
    /// The credentials for upload URLs, if other ones.
    pub upload_credentials: Option<CredentialsSettings>,
}

impl S3Bucket {
    fn credentials_for(&self, operation: Operation) -> &CredentialsSettings {
        match operation {
            Operation::Download => &self.credentials,
            Operation::Upload => self.upload_credentials.as_ref().unwrap_or(&self.credentials),
        }
    }
}

/// Options of [`S3Buckets::build`].
pub struct S3Options {
    /// The clock for signatures and for the expiry of credentials.
    pub clock: Arc<dyn Clock>,
    /// The environment variables.
    pub environment: ReadEnv,
    /// How long a file of credentials must stay unchanged after a change in place, before it is used.
    pub settle: Duration,
    /// The time limit of an inspection.
    pub inspection_timeout: Duration,
}

impl fmt::Debug for S3Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Options").field("settle", &self.settle).finish_non_exhaustive()
    }
}

/// The S3 buckets of a broker. Buckets with the same credentials share one cache.
#[derive(Debug)]
pub struct S3Buckets {
    presigner: Arc<SigV4Presigner>,
    inspector: Arc<S3Inspector>,
    credentials: Vec<SigningCredentials>,
}

/// Why the buckets cannot be used.
#[derive(Debug, Error)]
pub enum S3BucketsError {
    /// The bucket has no endpoint.
    #[error("the bucket has no endpoint")]
    NoEndpoint,
    /// `broker_endpoint` is not an endpoint of the bucket.
    #[error("the bucket lacks the endpoint that broker_endpoint names")]
    NoBrokerEndpoint,
    /// A configured file or variable has no credentials. This fails the start: a retry does not correct a wrong name.
    #[error("the credentials {name} of bucket {bucket} cannot be read")]
    UnreadableCredentials {
        /// Their name in the configuration.
        name: String,
        /// The first bucket that they sign for.
        bucket: BucketName,
        /// Why they cannot be read.
        #[source]
        error: CredentialsError,
    },
    /// Upload URLs could be changed to read.
    #[error(
        "the upload_credentials of bucket {bucket} hold the access key that reads in bucket {reader}: give uploads a \
         separate access key"
    )]
    UploadsByReader {
        /// The bucket with the upload credentials.
        bucket: BucketName,
        /// The bucket that is read with the same access key.
        reader: BucketName,
    },
}

impl S3Buckets {
    /// Sets up all buckets, and reads the configured credentials. The policy decides how long they must be valid.
    ///
    /// # Errors
    ///
    /// When a bucket cannot be set up, configured credentials cannot be read, or credentials of uploads hold an access
    /// key that is used to read. The presigner compares credentials that are not read yet at each upload.
    pub async fn build(buckets: &[S3Bucket], policy: &Policy, options: &S3Options) -> Result<Self, S3BucketsError> {
        let mut builder = Builder { buckets, policy, options, known: Vec::new() };
        let (mut signers, mut accesses, mut separate) = (HashMap::new(), HashMap::new(), Vec::new());
        for bucket in buckets {
            let downloads = builder.cache(bucket, Operation::Download).await?;
            let uploads = builder.cache(bucket, Operation::Upload).await?;
            separate.push((&bucket.name, Arc::clone(&downloads), Arc::clone(&uploads)));
            accesses.insert(bucket.name.clone(), access(bucket, Arc::clone(&downloads))?);
            signers.insert(bucket.name.clone(), signer(bucket, BucketCredentials { downloads, uploads }));
        }
        refuse_uploads_by_readers(&separate)?;
        let credentials = builder.known.into_iter().map(|(_, credentials)| credentials).collect();
        let inspector = S3Inspector::new(accesses, Arc::clone(&options.clock), options.inspection_timeout);
        Ok(Self { presigner: Arc::new(SigV4Presigner::new(signers)), inspector: Arc::new(inspector), credentials })
    }

    /// The presigner for the buckets.
    #[must_use]
    pub fn presigner(&self) -> Arc<dyn Presigner> {
        Arc::clone(&self.presigner) as _
    }

    /// The inspector for all buckets. It sends HEAD requests with the credentials that sign downloads.
    #[must_use]
    pub fn inspector(&self) -> Arc<dyn ObjectInspector> {
        Arc::clone(&self.inspector) as _
    }
}

impl SignerStatus for S3Buckets {
    fn availability(&self, now: SystemTime) -> Vec<SigningAvailability> {
        self.presigner.availability(now).collect()
    }

    fn credentials(&self) -> Vec<SigningCredentialsStatus> {
        self.credentials.iter().map(SigningCredentials::status).collect()
    }
}

impl SignerUpkeep for S3Buckets {
    fn follow(&self, policy: &Policy) {
        self.credentials.iter().for_each(|credentials| credentials.follow(policy));
    }

    fn reload(&self) {
        self.credentials.iter().for_each(|credentials| credentials.cache.renew_soon());
    }

    fn background_tasks(&self) -> Vec<BoxFuture<'static, ()>> {
        let task = |credentials: &SigningCredentials| -> BoxFuture<'static, ()> {
            Box::pin(Arc::clone(&credentials.cache).keep_fresh())
        };
        self.credentials.iter().map(task).collect()
    }
}

/// The caches so far.
struct Builder<'a> {
    buckets: &'a [S3Bucket],
    policy: &'a Policy,
    options: &'a S3Options,
    known: Vec<(CredentialsSettings, SigningCredentials)>,
}

impl Builder<'_> {
    /// The cache of the credentials for an operation on a bucket: an existing or a new one.
    async fn cache(
        &mut self,
        bucket: &S3Bucket,
        operation: Operation,
    ) -> Result<Arc<CredentialsCache>, S3BucketsError> {
        let settings = bucket.credentials_for(operation);
        if let Some((_, known)) = self.known.iter().find(|(known, _)| known == settings) {
            return Ok(Arc::clone(&known.cache));
        }
        let uses: Vec<_> = self.buckets.iter().flat_map(|bucket| uses(settings, bucket)).collect();
        let cache = new_cache(settings, bucket, longest_url_life(self.policy, &uses), self.options).await?;
        let cache = Arc::new(cache);
        let credentials = SigningCredentials {
            name: settings.name().into(),
            cache: Arc::clone(&cache),
            uses,
            from_files: settings.names_files(),
        };
        self.known.push((settings.clone(), credentials));
        Ok(cache)
    }
}

/// The operations that credentials sign in a bucket.
fn uses(settings: &CredentialsSettings, bucket: &S3Bucket) -> impl Iterator<Item = (BucketName, Operation)> {
    let signs = move |operation: &Operation| bucket.credentials_for(*operation) == settings;
    Operation::ALL.into_iter().filter(signs).map(|operation| (bucket.name.clone(), operation))
}

async fn new_cache(
    settings: &CredentialsSettings,
    bucket: &S3Bucket,
    longest_url_life: Duration,
    options: &S3Options,
) -> Result<CredentialsCache, S3BucketsError> {
    let S3Options { clock, environment, settle, .. } = options;
    match settings {
        CredentialsSettings::DefaultChain => {
            let endpoint = bucket.endpoints.first().ok_or(S3BucketsError::NoEndpoint)?;
            let chain = DefaultChain::new(endpoint.settings.region.clone(), environment, *settle);
            let changes = chain.profile_files();
            Ok(CredentialsCache::new(chain, Arc::clone(clock), longest_url_life).with_changes(changes))
        }
        CredentialsSettings::Static { name, access_key_id, secret_access_key, session } => {
            let (id, secret) = (access_key_id.clone(), secret_access_key.clone());
            let source = StaticCredentialsSource::new(id, secret, session.clone(), Arc::clone(environment));
            let cache = CredentialsCache::new(source.with_settle(*settle), Arc::clone(clock), longest_url_life);
            match cache.refresh().await {
                Ok(_) => Ok(cache),
                Err(error) => {
                    let (name, bucket) = (name.clone(), bucket.name.clone());
                    Err(S3BucketsError::UnreadableCredentials { name, bucket, error })
                }
            }
        }
    }
}

fn access(bucket: &S3Bucket, credentials: Arc<CredentialsCache>) -> Result<BucketAccess, S3BucketsError> {
    let own = bucket.endpoints.iter().find(|endpoint| endpoint.name == bucket.broker_endpoint);
    let endpoint = own.ok_or(S3BucketsError::NoBrokerEndpoint)?.settings.clone();
    Ok(BucketAccess { endpoint, credentials, required_headers: bucket.required_headers.clone() })
}

fn signer(bucket: &S3Bucket, credentials: BucketCredentials) -> BucketSigner {
    let endpoints = bucket.endpoints.iter().map(|named| (named.name.clone(), named.endpoint.clone()));
    BucketSigner {
        endpoints: endpoints.collect(),
        credentials: Arc::new(credentials),
        etag_form: bucket.etag_form,
        required_headers: bucket.required_headers.clone(),
        attribution: bucket.attribution,
    }
}

/// Fails if credentials for uploads hold an access key that is used to read, also under another name or from another
/// source. Each bucket has the credentials of its downloads and uploads.
fn refuse_uploads_by_readers(
    buckets: &[(&BucketName, Arc<CredentialsCache>, Arc<CredentialsCache>)],
) -> Result<(), S3BucketsError> {
    for (bucket, downloads, uploads) in buckets {
        if Arc::ptr_eq(downloads, uploads) {
            continue;
        }
        if let Some((reader, ..)) = buckets.iter().find(|(_, reader, _)| have_same_key(reader, uploads)) {
            let (bucket, reader) = ((*bucket).clone(), (*reader).clone());
            return Err(S3BucketsError::UploadsByReader { bucket, reader });
        }
    }
    Ok(())
}
