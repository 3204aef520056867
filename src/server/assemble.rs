//! Builds the parts from the configuration.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinSet;

use super::signing_credentials::{SigningCredentials, longest_url_life};
use super::{Readiness, Surroundings};
use crate::broker::Broker;
use crate::config::{BucketSettings, Config, CredentialsSettings};
use crate::grpc::{AuthenticationLayer, BrokerService};
use crate::identity::{Authenticator, IssuerVerifier};
use crate::policy::{BucketName, Policy, PolicyStore};
use crate::presign::credentials::{CredentialsCache, StaticCredentialsSource, default_chain};
use crate::presign::{BucketSigner, SigV4Presigner};
use crate::telemetry::Metrics;

/// The parts of a server.
pub(super) struct Parts {
    pub(super) policy: Arc<PolicyStore>,
    pub(super) readiness: Readiness,
    broker: Broker,
    authenticator: Arc<Authenticator>,
    verifiers: Vec<Arc<IssuerVerifier>>,
    credentials: Vec<SigningCredentials>,
}

/// Builds every part, or tells why one cannot be.
pub(super) async fn assemble(config: &Config, surroundings: &Surroundings) -> anyhow::Result<Parts> {
    let policy = config.load_policy().context("the policy is not valid")?;
    let mut verifiers = Vec::new();
    for settings in &config.issuers {
        let verifier = IssuerVerifier::new(settings.clone())
            .with_context(|| format!("issuer {} cannot be set up", settings.issuer))?;
        verifiers.push(Arc::new(verifier));
    }
    let authenticator = Arc::new(Authenticator::new(verifiers.clone(), config.server.token_cache_size)?);
    let mut signers = Signers::default();
    for bucket in &config.buckets {
        signers.add(bucket, config, &policy, surroundings).await?;
    }
    let policy = Arc::new(PolicyStore::new(policy));
    let presigner = Arc::new(SigV4Presigner::new(signers.by_bucket));
    let clock = Arc::clone(&surroundings.clock);
    let readiness = Readiness::new(Arc::clone(&authenticator), Arc::clone(&presigner) as _, clock);
    let broker = Broker::new(Arc::clone(&policy), presigner, Arc::clone(&surroundings.decision_ids));
    let credentials = signers.credentials.into_iter().map(|(_, credentials)| credentials).collect();
    Ok(Parts { policy, readiness, broker, authenticator, verifiers, credentials })
}

impl Parts {
    /// Starts what keeps keys and credentials fresh.
    pub(super) fn spawn_refreshes(&self, tasks: &mut JoinSet<()>) {
        for verifier in &self.verifiers {
            let keys = Arc::clone(verifier.keys());
            tasks.spawn(async move { keys.keep_fresh().await });
        }
        for credentials in &self.credentials {
            tasks.spawn(Arc::clone(&credentials.cache).keep_fresh());
        }
    }

    /// What a policy changes, beside decisions, when it is put in force.
    pub(super) fn policy_follower(&self) -> impl Fn(&Policy) + Send + use<> {
        let credentials = self.credentials.clone();
        move |policy| credentials.iter().for_each(|credentials| credentials.follow(policy))
    }

    pub(super) fn metrics(&self) -> Metrics {
        Metrics::new(self.credentials.iter().map(SigningCredentials::named).collect())
    }

    pub(super) fn broker_service(&self, sole_bucket: Option<BucketName>) -> BrokerService {
        BrokerService::new(self.broker.clone(), sole_bucket)
    }

    pub(super) fn authentication_layer(&self, surroundings: &Surroundings) -> AuthenticationLayer {
        AuthenticationLayer::new(Arc::clone(&self.authenticator), Arc::clone(&surroundings.clock))
    }
}

/// The signers so far. Buckets with the same credentials share one cache.
#[derive(Default)]
struct Signers {
    by_bucket: HashMap<BucketName, BucketSigner>,
    credentials: Vec<(CredentialsSettings, SigningCredentials)>,
}

impl Signers {
    async fn add(
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
                let cache = credentials_cache(bucket, longest_url_life(policy, &buckets), surroundings).await?;
                let (name, cache) = (bucket.credentials.name().into(), Arc::new(cache));
                let credentials = SigningCredentials { name, cache: Arc::clone(&cache), buckets };
                self.credentials.push((bucket.credentials.clone(), credentials));
                cache
            }
        };
        let signer = BucketSigner { endpoint: bucket.endpoint.clone(), credentials };
        self.by_bucket.insert(bucket.name.clone(), signer);
        Ok(())
    }
}

async fn credentials_cache(
    bucket: &BucketSettings,
    longest_url_life: Duration,
    surroundings: &Surroundings,
) -> anyhow::Result<CredentialsCache> {
    let clock = Arc::clone(&surroundings.clock);
    match &bucket.credentials {
        CredentialsSettings::DefaultChain => {
            let provider = default_chain(bucket.settings.region.clone()).await?;
            Ok(CredentialsCache::new(provider, clock, longest_url_life))
        }
        CredentialsSettings::Static { access_key_id, secret_access_key, session, .. } => {
            let source = StaticCredentialsSource::new(
                access_key_id.clone(),
                secret_access_key.clone(),
                session.clone(),
                Arc::clone(&surroundings.environment),
            );
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
