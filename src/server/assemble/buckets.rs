//! What it takes to sign for the buckets and to look into them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::config::{BucketSettings, Config, CredentialsSettings};
use crate::policy::{BucketName, Operation, Policy};
use crate::presign::credentials::{CredentialsCache, CredentialsSnapshot, DefaultChain, StaticCredentialsSource};
use crate::presign::{BucketSigner, RequiredHeaders};
use crate::server::signing_credentials::{CredentialsUse, SigningCredentials, longest_url_life};
use crate::server::start_options::StartOptions;
use access_broker_s3::BucketAccess;

/// The buckets so far. What is signed by the same credentials shares one cache.
#[derive(Default)]
pub(super) struct Buckets {
    pub(super) signers: HashMap<BucketName, BucketSigner>,
    pub(super) accesses: HashMap<BucketName, BucketAccess>,
    pub(super) credentials: Vec<(CredentialsSettings, SigningCredentials)>,
}

impl Buckets {
    pub(super) async fn add(
        &mut self,
        bucket: &BucketSettings,
        config: &Config,
        policy: &Policy,
        options: &StartOptions,
    ) -> anyhow::Result<()> {
        let credentials = self.cache(signer_of(bucket, Operation::Download), bucket, config, policy, options).await?;
        let of_uploads = self.cache(signer_of(bucket, Operation::Upload), bucket, config, policy, options).await?;
        let required_headers = RequiredHeaders {
            expected_bucket_owner: bucket.expected_bucket_owner.clone(),
            requester_pays: bucket.requester_pays,
        };
        let own = bucket.endpoints.iter().find(|way| way.name == bucket.broker_endpoint);
        let access = BucketAccess {
            endpoint: own.context("the bucket lacks the endpoint of the broker's own calls")?.settings.clone(),
            credentials: Arc::clone(&credentials),
            required_headers: required_headers.clone(),
        };
        let signer = BucketSigner {
            endpoints: bucket.endpoints.iter().map(|way| (way.name.clone(), way.endpoint.clone())).collect(),
            credentials,
            upload_credentials: of_uploads,
            etag_form: bucket.server.etag_form,
            required_headers,
            attribution: bucket.attribution,
        };
        self.signers.insert(bucket.name.clone(), signer);
        self.accesses.insert(bucket.name.clone(), access);
        Ok(())
    }

    /// Fails where credentials for uploads hold an access key that reads, under another name or from another place. What
    /// has not been read yet is compared by the presigner, at every upload.
    pub(super) fn refuse_uploads_by_readers(&self) -> anyhow::Result<()> {
        for (name, BucketSigner { credentials, upload_credentials, .. }) in &self.signers {
            if Arc::ptr_eq(credentials, upload_credentials) {
                continue;
            }
            let reader = self.signers.iter().find(|(_, other)| have_one_key(&other.credentials, upload_credentials));
            if let Some((reader, _)) = reader {
                anyhow::bail!(
                    "the upload_credentials of bucket {name} hold the access key that reads in bucket {reader}: give uploads \
                     an access key of their own"
                );
            }
        }
        Ok(())
    }

    /// The cache of some credentials: the one that is there, or a new one.
    async fn cache(
        &mut self,
        settings: &CredentialsSettings,
        bucket: &BucketSettings,
        config: &Config,
        policy: &Policy,
        options: &StartOptions,
    ) -> anyhow::Result<Arc<CredentialsCache>> {
        if let Some((_, known)) = self.credentials.iter().find(|(known, _)| known == settings) {
            return Ok(Arc::clone(&known.cache));
        }
        let uses: Vec<CredentialsUse> = config.buckets.iter().flat_map(|bucket| uses_of(settings, bucket)).collect();
        let cache = new_cache(settings, bucket, config, longest_url_life(policy, &uses), options).await?;
        let cache = Arc::new(cache);
        let credentials = SigningCredentials {
            name: settings.name().into(),
            cache: Arc::clone(&cache),
            uses,
            from_files: settings.names_files(),
        };
        self.credentials.push((settings.clone(), credentials));
        Ok(cache)
    }
}

/// Who signs an operation on a bucket.
fn signer_of(bucket: &BucketSettings, operation: Operation) -> &CredentialsSettings {
    match operation {
        Operation::Download => &bucket.credentials,
        Operation::Upload => bucket.upload_credentials.as_ref().unwrap_or(&bucket.credentials),
    }
}

fn uses_of<'b>(
    settings: &'b CredentialsSettings,
    bucket: &'b BucketSettings,
) -> impl Iterator<Item = CredentialsUse> + 'b {
    let signs = move |operation: &Operation| signer_of(bucket, *operation) == settings;
    Operation::ALL.into_iter().filter(signs).map(|operation| (bucket.name.clone(), operation))
}

/// Whether both hold the same access key at the moment, from wherever they were read.
fn have_one_key(left: &CredentialsCache, right: &CredentialsCache) -> bool {
    let [left, right] = [left, right].map(CredentialsCache::snapshot);
    let id = |held: &Arc<CredentialsSnapshot>| held.access_key_id().to_owned();
    left.as_ref().map(id).zip(right.as_ref().map(id)).is_some_and(|(left, right)| left == right)
}

async fn new_cache(
    settings: &CredentialsSettings,
    bucket: &BucketSettings,
    config: &Config,
    longest_url_life: Duration,
    options: &StartOptions,
) -> anyhow::Result<CredentialsCache> {
    let clock = Arc::clone(&options.clock);
    match settings {
        CredentialsSettings::DefaultChain => {
            let endpoint = bucket.endpoints.first().context("the bucket has no endpoint")?;
            let region = endpoint.settings.region.clone();
            let chain = DefaultChain::new(region, &options.environment, config.policy.settle);
            let changes = chain.profile_files();
            Ok(CredentialsCache::new(chain, clock, longest_url_life).with_changes(changes))
        }
        CredentialsSettings::Static { name, access_key_id, secret_access_key, session } => {
            let source = StaticCredentialsSource::new(
                access_key_id.clone(),
                secret_access_key.clone(),
                session.clone(),
                Arc::clone(&options.environment),
            )
            .with_settle(config.policy.settle);
            let cache = CredentialsCache::new(source, clock, longest_url_life);
            // A name that is misspelt will not get better by waiting.
            let unreadable = || format!("the credentials {name} of bucket {} cannot be read", bucket.name);
            cache.refresh().await.with_context(unreadable)?;
            Ok(cache)
        }
    }
}
