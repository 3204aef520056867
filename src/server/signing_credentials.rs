//! Who signs for which buckets, and for how long their URLs may work.

use std::sync::Arc;
use std::time::Duration;

use crate::policy::{BucketName, Policy};
use crate::presign::credentials::CredentialsCache;
use crate::telemetry::NamedCredentials;

/// The credentials of one `[[credentials]]`, or of AWS's default chain, with the buckets that they sign for.
#[derive(Debug, Clone)]
pub(super) struct SigningCredentials {
    pub(super) name: Arc<str>,
    pub(super) cache: Arc<CredentialsCache>,
    pub(super) buckets: Vec<BucketName>,
}

impl SigningCredentials {
    /// Has the credentials renewed early enough for the longest URL that the policy may give.
    pub(super) fn follow(&self, policy: &Policy) {
        self.cache.set_longest_url_life(longest_url_life(policy, &self.buckets));
    }

    /// What metrics show.
    pub(super) fn named(&self) -> NamedCredentials {
        NamedCredentials { name: Arc::clone(&self.name), cache: Arc::clone(&self.cache) }
    }
}

/// The longest life that the policy gives to URLs of any of these buckets; zero if it gives none.
pub(super) fn longest_url_life(policy: &Policy, buckets: &[BucketName]) -> Duration {
    buckets.iter().filter_map(|bucket| policy.longest_ttl(bucket)).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::policy::{EndpointName, PolicyContext};

    #[test]
    fn longest_url_of_any_bucket_counts() {
        let endpoints = || BTreeSet::from([EndpointName::default_endpoint()]);
        let buckets = ["a", "b", "c"].map(|name| (BucketName::parse(name).unwrap(), endpoints()));
        let buckets = BTreeMap::from(buckets);
        let context = PolicyContext { buckets: &buckets, issuers: &BTreeSet::new(), trust_domains: &BTreeSet::new() };
        let text = r#"tier = [
            { name = "a", bucket = "a", prefix = "", download = { max_ttl = "1h" } },
            { name = "b", bucket = "b", prefix = "", download = { max_ttl = "2h" } },
        ]"#;
        let policy = Policy::parse("policy.toml", text, &context).unwrap();
        let buckets: Vec<_> = buckets.into_keys().collect();
        assert_eq!(longest_url_life(&policy, &buckets), Duration::from_hours(2));
        assert_eq!(longest_url_life(&policy, &buckets[..1]), Duration::from_hours(1));
        assert_eq!(longest_url_life(&policy, &buckets[2..]), Duration::ZERO);
    }
}
