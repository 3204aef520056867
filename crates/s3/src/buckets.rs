//! The buckets of a configuration: what signs for them, what inspects their objects, and the credentials of both.

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
    BucketCredentials, CredentialsCache, CredentialsError, CredentialsSettings, DefaultChain, Environment,
    StaticCredentialsSource, have_same_key,
};
use crate::endpoint::{NamedEndpoint, RequiredHeaders};
use crate::inspector::{BucketAccess, S3Inspector};
use crate::presign::{BoxFuture, Presigner, SignerStatus, SignerUpkeep, SigningAvailability, SigningCredentialsStatus};
use crate::signer::{BucketSigner, EntityTagForm, SigV4Presigner};
use crate::storage::ObjectInspector;
use access_broker_base::clock::Clock;
use access_broker_policy::{BucketName, EndpointName, Operation, Policy};

/// What the configuration says of one bucket.
#[derive(Debug, Clone)]
pub struct S3Bucket {
    /// What callers, policies and logs call it.
    pub name: BucketName,
    /// All reach the same objects. The broker's own requests go to the first.
    pub endpoints: Vec<NamedEndpoint>,
    /// The one of them that the broker's own calls use.
    pub broker_endpoint: EndpointName,
    /// What every request must carry.
    pub required_headers: RequiredHeaders,
    /// How the server wants the tag in `If-Match`.
    pub etag_form: EntityTagForm,
    /// Whether URLs name their caller and decision.
    pub attribution: bool,
    /// What signs, and inspects objects.
    pub credentials: CredentialsSettings,
    /// What signs uploads, if not the same.
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

/// What the buckets need of the machine.
pub struct S3Options {
    /// Dates signatures, and says when credentials end.
    pub clock: Arc<dyn Clock>,
    /// The environment variables.
    pub environment: Environment,
    /// How long a file of credentials that was changed in place must be unchanged before it is used.
    pub settle: Duration,
    /// The longest that an inspection takes.
    pub inspection_timeout: Duration,
}

impl fmt::Debug for S3Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Options").field("settle", &self.settle).finish_non_exhaustive()
    }
}

/// The S3 buckets of a broker. What is signed by the same credentials shares one cache.
#[derive(Debug)]
pub struct S3Buckets {
    presigner: Arc<SigV4Presigner>,
    inspector: Arc<S3Inspector>,
    credentials: Vec<SigningCredentials>,
}

/// Why the buckets cannot be used.
#[derive(Debug, Error)]
pub enum S3BucketsError {
    /// The configuration lacks an endpoint.
    #[error("the bucket has no endpoint")]
    NoEndpoint,
    /// The configuration names an endpoint that the bucket lacks.
    #[error("the bucket lacks the endpoint that broker_endpoint names")]
    NoBrokerEndpoint,
    /// A file or variable that the configuration names gives no credentials. A name that is misspelt will not get better
    /// by waiting.
    #[error("the credentials {name} of bucket {bucket} cannot be read")]
    UnreadableCredentials {
        /// What the configuration calls them.
        name: String,
        /// The first bucket that they sign for.
        bucket: BucketName,
        /// Why they cannot be read.
        #[source]
        error: CredentialsError,
    },
    /// Upload URLs could be used to read.
    #[error(
        "the upload_credentials of bucket {bucket} hold the access key that reads in bucket {reader}: give uploads a \
         separate access key"
    )]
    UploadsByReader {
        /// The bucket with the upload credentials.
        bucket: BucketName,
        /// The bucket that their access key reads.
        reader: BucketName,
    },
}

impl S3Buckets {
    /// Sets up every bucket, and reads the credentials that the configuration names. The policy says how long they must
    /// last.
    ///
    /// # Errors
    ///
    /// When a bucket cannot be set up, named credentials cannot be read, or credentials of uploads hold an access key that
    /// reads. What has not been read yet is compared by the presigner, at every upload.
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

    /// What signs for the buckets.
    #[must_use]
    pub fn presigner(&self) -> Arc<dyn Presigner> {
        Arc::clone(&self.presigner) as _
    }

    /// One for all buckets; it sends HEAD with the credentials that sign.
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
    /// The cache of what signs an operation on a bucket: the one that is there, or a new one.
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

/// What credentials sign in a bucket.
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

/// Fails where credentials for uploads hold an access key that reads, under another name or from another place. Each
/// bucket stands with what signs its downloads and its uploads.
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
