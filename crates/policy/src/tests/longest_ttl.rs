//! The longest lives that policies give to URLs of a bucket.

use super::*;
use access_broker_base::document::Variables;

fn bucket(name: &str) -> BucketName {
    BucketName::parse(name).unwrap()
}

fn longest(tiers: &str, operation: Operation) -> Option<u64> {
    let profile = || BucketProfile::at_aws([EndpointName::default_endpoint()]);
    let buckets = ["media", "archive"].map(|name| (bucket(name), profile())).into();
    let context = PolicyContext {
        buckets: &buckets,
        issuers: &BTreeSet::new(),
        trust_domains: &BTreeSet::new(),
        variables: &Variables::None,
        members: None,
    };
    let policy = Policy::parse("policy.toml", &format!("tier = [{tiers}]"), &context).unwrap();
    policy.longest_ttl(&bucket("media"), operation).map(|ttl| ttl.as_secs())
}

#[test]
fn longest_of_all_tiers_with_the_operation_counts() {
    use Operation::{Download, Upload};
    let root = r#"{ name = "a", bucket = "media", prefix = "", download = { max_ttl = "1h" } }"#;
    let deep = r#"{ name = "b", bucket = "media", prefix = "x/y/", upload = { max_ttl = "2h" } }"#;
    let template = r#"{ name = "c", bucket = "media", prefix = "x/{sub}/", download = { max_ttl = "3h" } }"#;
    assert_eq!((longest(root, Download), longest(root, Upload)), (Some(3_600), None));
    let two = format!("{root}, {deep}");
    assert_eq!((longest(&two, Download), longest(&two, Upload)), (Some(3_600), Some(2 * 3_600)));
    let three = format!("{template}, {root}, {deep}");
    assert_eq!((longest(&three, Download), longest(&three, Upload)), (Some(3 * 3_600), Some(2 * 3_600)));
}

#[test]
fn other_buckets_do_not_count() {
    let other = r#"{ name = "a", bucket = "archive", prefix = "", download = { max_ttl = "7days" } }"#;
    let own = r#"{ name = "b", bucket = "media", prefix = "", download = { max_ttl = "1m" } }"#;
    assert_eq!(longest(other, Operation::Download), None);
    assert_eq!(longest(&format!("{other}, {own}"), Operation::Download), Some(60));
}

#[test]
fn tier_that_names_no_largest_ttl_has_the_default() {
    let text = r#"{ name = "a", bucket = "media", prefix = "", download = {} }"#;
    assert_eq!(longest(text, Operation::Download), Some(3_600));
}
