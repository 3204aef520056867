//! Who signs what for which buckets, and for how long their URLs may work.

use std::sync::Arc;
use std::time::Duration;

use crate::policy::{BucketName, Operation, Policy};
use crate::presign::credentials::CredentialsCache;
use crate::telemetry::NamedCredentials;

/// The credentials of one `[[credentials]]`, or of AWS's default chain, with what they sign.
#[derive(Debug, Clone)]
pub(super) struct SigningCredentials {
    pub(super) name: Arc<str>,
    pub(super) cache: Arc<CredentialsCache>,
    pub(super) uses: Vec<CredentialsUse>,
    /// Whether they are read from files that the configuration names.
    pub(super) from_files: bool,
}

impl SigningCredentials {
    /// Has the credentials renewed early enough for the longest URL that the policy may give.
    pub(super) fn follow(&self, policy: &Policy) {
        self.cache.set_longest_url_life(longest_url_life(policy, &self.uses));
    }

    /// What metrics show.
    pub(super) fn named(&self) -> NamedCredentials {
        let Self { name, cache, from_files, .. } = self;
        NamedCredentials { name: Arc::clone(name), cache: Arc::clone(cache), from_files: *from_files }
    }
}

/// One operation on one bucket, whose URLs credentials sign.
pub(super) type CredentialsUse = (BucketName, Operation);

/// The longest life that the policy gives to URLs of any of these uses; zero if it gives none.
pub(super) fn longest_url_life(policy: &Policy, uses: &[CredentialsUse]) -> Duration {
    uses.iter().filter_map(|(bucket, operation)| policy.longest_ttl(bucket, *operation)).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::policy::{BucketProfile, EndpointName, PolicyContext};

    #[test]
    fn longest_url_of_any_use_counts() {
        let profile = || BucketProfile::at_aws([EndpointName::default_endpoint()]);
        let buckets = ["a", "b", "c"].map(|name| (BucketName::parse(name).unwrap(), profile()));
        let buckets = BTreeMap::from(buckets);
        let context = PolicyContext { buckets: &buckets, issuers: &BTreeSet::new(), trust_domains: &BTreeSet::new() };
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
