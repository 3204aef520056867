//! The longest life that a policy gives to URLs of a bucket.

use std::time::Duration;

use super::{BucketName, Policy};

impl Policy {
    /// The largest `max_ttl` of all tiers of a bucket, whatever the operation and whoever may use them. `None`: the
    /// bucket has no tier, so that no URL is ever issued for it.
    #[must_use]
    pub fn longest_ttl(&self, bucket: &BucketName) -> Option<Duration> {
        let lifetimes = self.buckets.get(bucket)?.tree.tiers().flat_map(|tier| {
            let download = tier.download.as_ref().map(|download| download.lifetime);
            let upload = tier.upload.as_ref().map(|upload| upload.lifetime);
            download.into_iter().chain(upload)
        });
        lifetimes.map(|lifetime| lifetime.max_ttl).max()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::policy::{EndpointName, PolicyContext};

    fn bucket(name: &str) -> BucketName {
        BucketName::parse(name).unwrap()
    }

    fn longest(tiers: &str) -> Option<u64> {
        let endpoints = || BTreeSet::from([EndpointName::default_endpoint()]);
        let buckets = ["media", "archive"].map(|name| (bucket(name), endpoints())).into();
        let context = PolicyContext { buckets: &buckets, issuers: &BTreeSet::new(), trust_domains: &BTreeSet::new() };
        let policy = Policy::parse("policy.toml", &format!("tier = [{tiers}]"), &context).unwrap();
        policy.longest_ttl(&bucket("media")).map(|ttl| ttl.as_secs())
    }

    #[test]
    fn longest_of_all_tiers_and_operations_counts() {
        let root = r#"{ name = "a", bucket = "media", prefix = "", download = { max_ttl = "1h" } }"#;
        let deep = r#"{ name = "b", bucket = "media", prefix = "x/y/", upload = { max_ttl = "2h" } }"#;
        let template = r#"{ name = "c", bucket = "media", prefix = "x/{sub}/", download = { max_ttl = "3h" } }"#;
        assert_eq!(longest(root), Some(3_600));
        assert_eq!(longest(&format!("{root}, {deep}")), Some(2 * 3_600));
        assert_eq!(longest(&format!("{template}, {root}, {deep}")), Some(3 * 3_600));
    }

    #[test]
    fn other_buckets_do_not_count() {
        let other = r#"{ name = "a", bucket = "archive", prefix = "", download = { max_ttl = "7days" } }"#;
        let own = r#"{ name = "b", bucket = "media", prefix = "", download = { max_ttl = "1m" } }"#;
        assert_eq!(longest(other), None);
        assert_eq!(longest(&format!("{other}, {own}")), Some(60));
    }

    #[test]
    fn tier_that_names_no_largest_ttl_has_the_default() {
        assert_eq!(longest(r#"{ name = "a", bucket = "media", prefix = "", download = {} }"#), Some(3_600));
    }
}
