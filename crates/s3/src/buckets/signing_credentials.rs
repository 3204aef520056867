//! Credentials with the buckets that they sign for, and the longest lifetime of their URLs.

use std::sync::Arc;
use std::time::Duration;

use crate::credentials::{CredentialsCache, CredentialsStatus};
use crate::presign::SigningCredentialsStatus;
use access_broker_policy::{BucketName, Operation, Policy};

/// The credentials of one `[[credentials]]`, or of AWS's default chain, with their uses.
#[derive(Debug, Clone)]
pub(super) struct SigningCredentials {
    pub(super) name: Arc<str>,
    pub(super) cache: Arc<CredentialsCache>,
    pub(super) uses: Vec<(BucketName, Operation)>,
    /// Whether they are read from configured files.
    pub(super) from_files: bool,
}

impl SigningCredentials {
    /// Sets the renewal early enough for the longest lifetime of URLs that the policy permits.
    pub(super) fn follow(&self, policy: &Policy) {
        self.cache.set_longest_url_life(longest_url_life(policy, &self.uses));
    }

    /// The state for metrics.
    pub(super) fn status(&self) -> SigningCredentialsStatus {
        let CredentialsStatus { expiry, loaded_at, refreshes, last_refresh_is_good, urls_cut, .. } =
            self.cache.status();
        SigningCredentialsStatus {
            name: Arc::clone(&self.name),
            from_files: self.from_files,
            expiry,
            loaded_at,
            refreshes: refreshes.map(|(result, count)| (result.name(), count)).to_vec(),
            last_refresh_is_good,
            urls_cut,
        }
    }
}

/// The longest lifetime that the policy permits for URLs of any of these uses; zero if it permits none.
pub(super) fn longest_url_life(policy: &Policy, uses: &[(BucketName, Operation)]) -> Duration {
    uses.iter().filter_map(|(bucket, operation)| policy.longest_ttl(bucket, *operation)).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use access_broker_base::document::Variables;
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use access_broker_policy::{BucketProfile, EndpointName, PolicyContext};

    #[test]
    fn longest_url_of_any_use_counts() {
        let profile = || BucketProfile::at_aws([EndpointName::default_endpoint()]);
        let buckets = ["a", "b", "c"].map(|name| (BucketName::parse(name).unwrap(), profile()));
        let buckets = BTreeMap::from(buckets);
        let context = PolicyContext {
            buckets: &buckets,
            issuers: &BTreeSet::new(),
            trust_domains: &BTreeSet::new(),
            variables: &Variables::None,
            members: None,
        };
        let text = r#"tier = [
            { name = "a", bucket = "a", prefix = "", download = { max_ttl = "1h" } },
            { name = "b", bucket = "b", prefix = "", download = { max_ttl = "2h" }, upload = { max_ttl = "3h" } },
        ]"#;
        let policy = Policy::parse("policy.toml", text, &context).unwrap();
        let reads: Vec<_> = buckets.into_keys().map(|name| (name, Operation::Download)).collect();
        assert_eq!(longest_url_life(&policy, &reads), Duration::from_hours(2));
        assert_eq!(longest_url_life(&policy, &reads[..1]), Duration::from_hours(1));
        assert_eq!(longest_url_life(&policy, &reads[2..]), Duration::ZERO);
        let writes: Vec<_> = reads.into_iter().map(|(name, _)| (name, Operation::Upload)).collect();
        assert_eq!(longest_url_life(&policy, &writes), Duration::from_hours(3));
    }
}
