//! What it takes to sign for the buckets and to look into them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::config::{BucketSettings, Config, CredentialsSettings};
use crate::policy::{BucketName, Policy};
use crate::presign::credentials::{CredentialsCache, StaticCredentialsSource, default_chain};
use crate::presign::{BucketSigner, RequiredHeaders};
use crate::server::Surroundings;
use crate::server::signing_credentials::{SigningCredentials, longest_url_life};
use crate::storage::BucketAccess;

/// The buckets so far. Those with the same credentials share one cache.
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
        surroundings: &Surroundings,
    ) -> anyhow::Result<()> {
        let known = self.credentials.iter().find(|(settings, _)| *settings == bucket.credentials);
        let credentials = match known {
            Some((_, known)) => Arc::clone(&known.cache),
            None => {
                let sharing = config.buckets.iter().filter(|other| other.credentials == bucket.credentials);
                let buckets: Vec<_> = sharing.map(|other| other.name.clone()).collect();
                let cache = credentials_cache(bucket, config, longest_url_life(policy, &buckets), surroundings).await?;
                let (name, cache) = (bucket.credentials.name().into(), Arc::new(cache));
                let credentials = SigningCredentials { name, cache: Arc::clone(&cache), buckets };
                self.credentials.push((bucket.credentials.clone(), credentials));
                cache
            }
        };
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
        let endpoints = bucket.endpoints.iter().map(|way| (way.name.clone(), way.endpoint.clone())).collect();
        let signer = BucketSigner { endpoints, credentials, required_headers, attribution: bucket.attribution };
        self.signers.insert(bucket.name.clone(), signer);
        self.accesses.insert(bucket.name.clone(), access);
        Ok(())
    }
}

async fn credentials_cache(
    bucket: &BucketSettings,
    config: &Config,
    longest_url_life: Duration,
    surroundings: &Surroundings,
) -> anyhow::Result<CredentialsCache> {
    let clock = Arc::clone(&surroundings.clock);
    match &bucket.credentials {
        CredentialsSettings::DefaultChain => {
            let endpoint = bucket.endpoints.first().context("the bucket has no endpoint")?;
            let provider = default_chain(endpoint.settings.region.clone()).await?;
            Ok(CredentialsCache::new(provider, clock, longest_url_life))
        }
        CredentialsSettings::Static { access_key_id, secret_access_key, session, .. } => {
            let source = StaticCredentialsSource::new(
                access_key_id.clone(),
                secret_access_key.clone(),
                session.clone(),
                Arc::clone(&surroundings.environment),
            )
            .with_settle(config.policy.settle);
            let cache = CredentialsCache::new(source, clock, longest_url_life);
            // A name that is misspelt will not get better by waiting.
            cache
                .refresh()
                .await
                .with_context(|| format!("the credentials of bucket {} cannot be read", bucket.name))?;
            Ok(cache)
        }
    }
}
