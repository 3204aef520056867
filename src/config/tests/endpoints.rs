use super::{GOOD, parse, sole_problem};
use crate::config::{BucketSettings, NamedEndpoint};
use access_broker_policy::{AccountId, EndpointName};
use access_broker_s3::Addressing;

/// The sole bucket, with more settings and endpoints.
fn bucket(text: &str) -> BucketSettings {
    let config = parse(&format!("{GOOD}{text}")).unwrap_or_else(|problems| panic!("{problems}\nin:\n{text}"));
    config.buckets.into_iter().next().unwrap()
}

/// The only problem of the sole bucket with more settings and endpoints. Their lines count from 13.
fn problem(text: &str) -> String {
    sole_problem(&format!("{GOOD}{text}"))
}

fn origins(bucket: &BucketSettings) -> Vec<(&str, &str)> {
    let endpoints = bucket.endpoints.iter();
    endpoints.map(|NamedEndpoint { name, endpoint, .. }| (name.as_str(), endpoint.origin())).collect()
}

#[test]
fn the_defaults_of_a_bucket_are_plain() {
    let bucket = bucket("");
    assert_eq!(origins(&bucket), [("default", "https://example-media.s3.eu-central-1.amazonaws.com")]);
    let NamedEndpoint { settings, .. } = &bucket.endpoints[0];
    assert!(!settings.accelerate && !settings.dual_stack && !settings.fips && settings.access_point.is_none());
    assert_eq!(bucket.broker_endpoint, EndpointName::default_endpoint());
    assert_eq!(bucket.expected_bucket_owner, None);
    assert!(!bucket.requester_pays);
    assert!(bucket.attribution);
}

#[test]
fn a_bucket_can_have_several_endpoints() {
    let bucket = bucket(
        r#"
dual_stack = true
broker_endpoint = "in-cluster"
expected_bucket_owner = "111122223333"
requester_pays = true
attribution = false

[[bucket.named_endpoint]]
name = "vpce"
endpoint = "https://bucket.vpce-0a1b2c3d.s3.eu-central-1.vpce.amazonaws.com"
addressing = "virtual-host"

[[bucket.named_endpoint]]
name = "in-cluster"
endpoint = "http://s3.storage.svc:9000"

[[bucket.named_endpoint]]
name = "fast"
accelerate = true

[[bucket.named_endpoint]]
name = "fips"
fips = true

[[bucket.named_endpoint]]
name = "readers"
access_point = "arn:aws:s3:eu-central-1:111122223333:accesspoint/readers"
dual_stack = true
"#,
    );
    assert_eq!(
        origins(&bucket),
        [
            ("default", "https://example-media.s3.dualstack.eu-central-1.amazonaws.com"),
            ("vpce", "https://example-media.bucket.vpce-0a1b2c3d.s3.eu-central-1.vpce.amazonaws.com"),
            ("in-cluster", "http://s3.storage.svc:9000"),
            ("fast", "https://example-media.s3-accelerate.amazonaws.com"),
            ("fips", "https://example-media.s3-fips.eu-central-1.amazonaws.com"),
            ("readers", "https://readers-111122223333.s3-accesspoint.dualstack.eu-central-1.amazonaws.com"),
        ]
    );
    assert_eq!(bucket.endpoints[1].settings.addressing, Addressing::VirtualHost);
    assert_eq!(bucket.endpoints[2].endpoint.path_prefix(), "/example-media");
    assert_eq!(bucket.broker_endpoint.as_str(), "in-cluster");
    assert_eq!(bucket.expected_bucket_owner, AccountId::parse("111122223333").ok());
    assert!(bucket.requester_pays);
    assert!(!bucket.attribution);
}

#[test]
fn the_default_endpoint_may_accelerate_or_be_an_access_point() {
    let accelerated = bucket("accelerate = true\n");
    assert_eq!(origins(&accelerated), [("default", "https://example-media.s3-accelerate.amazonaws.com")]);
    let access_point = bucket("access_point = \"arn:aws:s3:eu-central-1:111122223333:accesspoint/readers\"\n");
    let origin = "https://readers-111122223333.s3-accesspoint.eu-central-1.amazonaws.com";
    assert_eq!(origins(&access_point), [("default", origin)]);
}

#[test]
fn an_endpoint_needs_a_unique_name() {
    let named = |names: &[&str]| {
        let endpoints = names.iter().map(|name| format!("[[bucket.named_endpoint]]\nname = \"{name}\"\n"));
        endpoints.collect::<Vec<_>>().concat()
    };
    assert!(parse(&format!("{GOOD}{}", named(&["a", "b"]))).is_ok());
    let path = "bucket[0].named_endpoint";
    assert_eq!(
        problem(&named(&["default"])),
        format!(
            "broker.toml:14: {path}[0].name must not be \"default\": the settings of [[bucket]] describe that endpoint"
        )
    );
    assert_eq!(
        problem(&named(&["a", "a"])),
        format!("broker.toml:16: {path}[1].name repeats the name of another endpoint of the bucket")
    );
    assert_eq!(
        problem(&named(&["https://a"])),
        format!(
            "broker.toml:14: {path}[0].name must be 1 to 63 characters from a-z, 0-9, '-' and '_' and start with a \
             letter or digit"
        )
    );
    assert_eq!(
        problem("[[bucket.named_endpoint]]\nfips = true\n"),
        format!("broker.toml:13: {path}[0].name is required")
    );
}

#[test]
fn two_buckets_may_use_the_same_names() {
    let endpoint = "[[bucket.named_endpoint]]\nname = \"fips\"\nfips = true\n";
    let second = "[[bucket]]\nname = \"archive\"\ns3_bucket = \"example-archive\"\nregion = \"us-east-1\"\n";
    let config = parse(&format!("{GOOD}{endpoint}{second}{endpoint}")).unwrap();
    assert!(config.buckets.iter().all(|bucket| origins(bucket)[1].0 == "fips"));
    assert_eq!(origins(&config.buckets[1])[1].1, "https://example-archive.s3-fips.us-east-1.amazonaws.com");
}

#[test]
fn an_endpoint_has_the_bucket_and_region_of_its_bucket_and_nothing_unknown() {
    for setting in ["s3_bucket", "region", "credentials", "broker_endpoint", "x"] {
        let text = format!("[[bucket.named_endpoint]]\nname = \"a\"\n{setting} = \"x\"\n");
        let expected = format!("broker.toml:15: bucket[0].named_endpoint[0].{setting} is not a known setting");
        assert_eq!(problem(&text), expected);
    }
}

#[test]
fn an_invalid_endpoint_is_reported_with_its_line() {
    for (settings, rule) in [
        ("fips = true\naccelerate = true", "accelerate cannot be combined with fips"),
        ("endpoint = \"https://user:hunter2@s3.example.com\"", "the endpoint must not contain a user name or password"),
        (
            "access_point = \"arn:aws:s3:us-east-1:111122223333:accesspoint/readers\"",
            "the access point must be in the bucket's region, which must be a region such as eu-west-1",
        ),
    ] {
        assert_eq!(problem(&format!("{settings}\n")), format!("broker.toml:9: bucket[0] is invalid: {rule}"));
        assert_eq!(
            problem(&format!("[[bucket.named_endpoint]]\nname = \"a\"\n{settings}\n")),
            format!("broker.toml:13: bucket[0].named_endpoint[0] is invalid: {rule}")
        );
    }
    assert_eq!(
        problem("[[bucket.named_endpoint]]\nname = \"a\"\nendpoint = \"s3\"\n"),
        "broker.toml:15: bucket[0].named_endpoint[0].endpoint must be a URL, such as \"https://minio.example.com:9000\""
    );
}

#[test]
fn a_list_of_endpoints_is_a_list_of_tables() {
    assert_eq!(
        problem("named_endpoint = \"vpce\"\n"),
        "broker.toml:13: bucket[0].named_endpoint must be written as [[bucket.named_endpoint]]"
    );
}

#[test]
fn the_brokers_own_calls_use_an_endpoint_that_exists() {
    let endpoint = "[[bucket.named_endpoint]]\nname = \"vpce\"\ndual_stack = true\n";
    for name in ["default", "vpce"] {
        let bucket = bucket(&format!("broker_endpoint = \"{name}\"\n{endpoint}"));
        assert_eq!(bucket.broker_endpoint.as_str(), name);
    }
    for name in ["", "VPCE", "other"] {
        assert_eq!(
            problem(&format!("broker_endpoint = \"{name}\"\n{endpoint}")),
            format!("broker.toml:13: bucket[0].broker_endpoint refers to undefined endpoint {name:?}")
        );
    }
}

#[test]
fn the_name_of_an_invalid_endpoint_is_defined() {
    let text =
        "broker_endpoint = \"fast\"\n[[bucket.named_endpoint]]\nname = \"fast\"\naccelerate = true\nfips = true\n";
    assert!(problem(text).contains("named_endpoint[0] is invalid"));
}

#[test]
fn the_owner_of_a_bucket_is_an_account() {
    for owner in ["", "11112222333", "1111-2222-3333", "example"] {
        assert_eq!(
            problem(&format!("expected_bucket_owner = \"{owner}\"\n")),
            "broker.toml:13: bucket[0].expected_bucket_owner must be an AWS account ID of 12 digits"
        );
    }
    // A number would lose its leading zeros.
    assert_eq!(
        problem("expected_bucket_owner = 111122223333\n"),
        "broker.toml:13: bucket[0].expected_bucket_owner must be a string"
    );
}

#[test]
fn switches_of_a_bucket_are_booleans() {
    for setting in ["accelerate", "requester_pays", "attribution"] {
        assert_eq!(
            problem(&format!("{setting} = \"yes\"\n")),
            format!("broker.toml:13: bucket[0].{setting} must be true or false")
        );
    }
}
