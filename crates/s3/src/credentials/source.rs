//! Selects the credentials for each use.

use std::fmt;
use std::sync::Arc;

use super::cache::CredentialsCache;
use access_broker_policy::{BucketName, Operation};

/// The use of credentials.
#[derive(Debug, Clone, Copy)]
pub struct CredentialsUse<'a> {
    /// The logical bucket.
    pub bucket: &'a BucketName,
    /// The tier that holds the object.
    pub tier: &'a str,
    /// What the URL does.
    pub operation: Operation,
}

/// Finds the credentials for a signature. Called for each signature.
pub trait CredentialsSource: fmt::Debug + Send + Sync + 'static {
    /// Returns at once: the cache may be empty until its first refresh.
    fn find(&self, wanted: CredentialsUse<'_>) -> Arc<CredentialsCache>;

    /// All credentials for this operation on the bucket, in any tier.
    fn all(&self, bucket: &BucketName, operation: Operation) -> Vec<Arc<CredentialsCache>>;
}

/// The credentials of a bucket, the same in every tier.
#[derive(Debug, Clone)]
pub struct BucketCredentials {
    /// For downloads.
    pub downloads: Arc<CredentialsCache>,
    /// For uploads: the same, or credentials that need not read.
    pub uploads: Arc<CredentialsCache>,
}

impl BucketCredentials {
    /// The same credentials for every operation.
    #[must_use]
    pub fn for_everything(cache: Arc<CredentialsCache>) -> Self {
        Self { uploads: Arc::clone(&cache), downloads: cache }
    }

    const fn cache(&self, operation: Operation) -> &Arc<CredentialsCache> {
        match operation {
            Operation::Download => &self.downloads,
            Operation::Upload => &self.uploads,
        }
    }
}

impl CredentialsSource for BucketCredentials {
    fn find(&self, wanted: CredentialsUse<'_>) -> Arc<CredentialsCache> {
        Arc::clone(self.cache(wanted.operation))
    }

    fn all(&self, _bucket: &BucketName, operation: Operation) -> Vec<Arc<CredentialsCache>> {
        vec![Arc::clone(self.cache(operation))]
    }
}
