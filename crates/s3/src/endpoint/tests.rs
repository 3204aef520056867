mod access_points;
mod combinations;

use super::*;
use crate::oracles::{SdkOracle, aws_settings, instant, sdk_test_credentials, snapshot};
use crate::presign::HttpMethod;
use crate::signer::{UnsignedRequest, presign_url};
use crate::sigv4::{ExpiresIn, QueryParameter, SignedHeaders, SigningTime};
use access_broker_policy::{ObjectKey, PermittedDownload};

fn custom(bucket: &str, endpoint: &str, addressing: Addressing) -> EndpointSettings {
    EndpointSettings { endpoint: Some(endpoint.parse().unwrap()), addressing, ..aws_settings(bucket, "us-east-1") }
}

/// Resolves, and checks that the SDK signs the same URL for the same settings.
async fn resolved_as_in_the_sdk(settings: &EndpointSettings) -> String {
    let endpoint = BucketEndpoint::resolve(settings).unwrap();
    let credentials = sdk_test_credentials();
    let (at, key) = (instant(1_234_567_891), ObjectKey::parse("a key").unwrap());
    let (query, headers) = ([QueryParameter::GET_OBJECT], SignedHeaders::new());
    let request = UnsignedRequest { method: HttpMethod::Get, key: &key, query: &query, headers: &headers };
    let signed_at = SigningTime::floor(at).unwrap();
    let own = presign_url(&endpoint, &snapshot(&credentials), &request, signed_at, ExpiresIn::MAX);
    let sdk = SdkOracle::new(settings, credentials).get(key.as_str(), &PermittedDownload::default(), at, 604_800).await;
    assert_eq!(own.as_str(), sdk.uri());
    format!("{} {}{}", endpoint.region(), endpoint.origin(), endpoint.path_prefix())
}

fn error(settings: &EndpointSettings) -> EndpointError {
    BucketEndpoint::resolve(settings).unwrap_err()
}

#[tokio::test]
async fn aws_endpoints_follow_partition_and_options() {
    for (region, dual_stack, fips, expected) in [
        ("eu-west-1", false, false, "eu-west-1 https://media.s3.eu-west-1.amazonaws.com"),
        ("us-east-1", false, false, "us-east-1 https://media.s3.us-east-1.amazonaws.com"),
        ("aws-global", false, false, "us-east-1 https://media.s3.amazonaws.com"),
        ("cn-north-1", false, false, "cn-north-1 https://media.s3.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", false, true, "us-gov-west-1 https://media.s3-fips.us-gov-west-1.amazonaws.com"),
        ("eu-west-1", true, false, "eu-west-1 https://media.s3.dualstack.eu-west-1.amazonaws.com"),
        ("us-east-1", true, true, "us-east-1 https://media.s3-fips.dualstack.us-east-1.amazonaws.com"),
    ] {
        let settings = EndpointSettings { dual_stack, fips, ..aws_settings("media", region) };
        assert_eq!(resolved_as_in_the_sdk(&settings).await, expected);
    }
}

#[tokio::test]
async fn dotted_bucket_goes_into_the_path_at_aws() {
    let settings = aws_settings("media.example.com", "us-east-1");
    assert_eq!(
        resolved_as_in_the_sdk(&settings).await,
        "us-east-1 https://s3.us-east-1.amazonaws.com/media.example.com"
    );
}

#[tokio::test]
async fn path_addressing_at_aws() {
    let settings = EndpointSettings { addressing: Addressing::Path, ..aws_settings("media", "eu-west-1") };
    assert_eq!(resolved_as_in_the_sdk(&settings).await, "eu-west-1 https://s3.eu-west-1.amazonaws.com/media");
}

#[tokio::test]
async fn custom_endpoints_keep_port_and_path() {
    use Addressing::{Automatic, Path, VirtualHost};
    for (addressing, endpoint, expected) in [
        (Automatic, "http://localhost:9000", "us-east-1 http://localhost:9000/media"),
        (Automatic, "http://127.0.0.1:9000/", "us-east-1 http://127.0.0.1:9000/media"),
        (Path, "http://[::1]:9000", "us-east-1 http://[::1]:9000/media"),
        (Path, "https://gateway.example/s3/v1", "us-east-1 https://gateway.example/s3/v1/media"),
        (Path, "https://gateway.example/s3/v1/", "us-east-1 https://gateway.example/s3/v1/media"),
        (Automatic, "https://gateway.example/media", "us-east-1 https://gateway.example/media/media"),
        (VirtualHost, "http://localhost:9000", "us-east-1 http://media.localhost:9000"),
        (VirtualHost, "https://s3.example.com/v1", "us-east-1 https://media.s3.example.com/v1"),
        (VirtualHost, "https://media.example.com", "us-east-1 https://media.media.example.com"),
    ] {
        assert_eq!(resolved_as_in_the_sdk(&custom("media", endpoint, addressing)).await, expected);
    }
}

#[tokio::test]
async fn default_port_is_not_part_of_the_host() {
    assert_eq!(
        resolved_as_in_the_sdk(&custom("media", "https://s3.example.com:443", Addressing::Path)).await,
        "us-east-1 https://s3.example.com/media"
    );
    assert_eq!(
        resolved_as_in_the_sdk(&custom("media", "http://s3.example.com:443", Addressing::Path)).await,
        "us-east-1 http://s3.example.com:443/media"
    );
}

#[test]
fn virtual_hosts_that_cannot_be_are_refused() {
    use Addressing::VirtualHost;
    for settings in [
        custom("media", "http://127.0.0.1:9000", VirtualHost),
        custom("media", "http://[::1]:9000", VirtualHost),
        custom("media", "http://0x7f.1", VirtualHost),
        custom("media.example", "https://s3.example.com", VirtualHost),
        EndpointSettings { addressing: VirtualHost, ..aws_settings("media.example", "us-east-1") },
        custom("my.media", "https://my.media.example", VirtualHost),
    ] {
        assert_eq!(error(&settings), EndpointError::VirtualHostImpossible, "{settings:?}");
    }
}

#[test]
fn bucket_names_that_are_none_are_refused() {
    let too_long = "a".repeat(64);
    for name in [
        "",
        "ab",
        "Media",
        "media_1",
        "-media",
        "media-",
        ".media",
        "media.",
        "a/b",
        "../b",
        "a\0b",
        "a b",
        "médïa",
        "arn:aws:s3:us-west-2:123456789012:accesspoint:mine",
        "s3://media",
        too_long.as_str(),
    ] {
        assert_eq!(error(&aws_settings(name, "us-east-1")), EndpointError::BucketName, "{name:?}");
    }
    let huge = "a".repeat(10_000_000);
    assert_eq!(error(&aws_settings(&huge, "us-east-1")), EndpointError::BucketName);
}

/// Names that other servers permit and AWS does not.
#[tokio::test]
async fn bucket_names_of_other_servers_are_fine_in_the_path() {
    let longest = "a".repeat(222);
    let (tenant, tenant_path) = (format!("{}:media", "t".repeat(64)), format!("{}%3Amedia", "t".repeat(64)));
    for (name, path) in [
        ("example_media", "example_media"),
        ("Example-Media", "Example-Media"),
        ("ab", "ab"),
        ("_a-", "_a-"),
        ("media.example.com", "media.example.com"),
        ("192.168.5.4", "192.168.5.4"),
        ("xn--media", "xn--media"),
        ("tenant:media", "tenant%3Amedia"),
        ("Tenant_1:My.Media", "Tenant_1%3AMy.Media"),
        (&longest, &longest),
        (&tenant, &tenant_path),
    ] {
        for (endpoint, addressing) in
            [("https://s3.example.com", Addressing::Automatic), ("http://10.1.2.3:9000/gate/v1", Addressing::Path)]
        {
            let resolved = resolved_as_in_the_sdk(&custom(name, endpoint, addressing)).await;
            assert_eq!(resolved, format!("us-east-1 {endpoint}/{path}"));
        }
    }
}

#[test]
fn bucket_names_that_are_none_anywhere_are_refused_in_the_path_too() {
    let (too_long, long_tenant) = ("a".repeat(223), format!("{}:media", "a".repeat(65)));
    for name in [
        "",
        "a",
        ".",
        "..",
        ".a",
        "a.",
        "a..b",
        "../b",
        "a/b",
        "a b",
        "a\0b",
        "a%2Fb",
        "médïa",
        "s3://media",
        ":media",
        "tenant:",
        "tenant:a",
        "tenant:..",
        "tenant:.a",
        "te.nant:media",
        "a:b:media",
        "a?b",
        "a#b",
        "a~b",
        &too_long,
        &long_tenant,
    ] {
        let settings = custom(name, "https://s3.example.com", Addressing::Automatic);
        assert_eq!(error(&settings), EndpointError::BucketNameInPath, "{name:?}");
    }
    let directory = custom("media--usw2-az1--x-s3", "https://s3.example.com", Addressing::Path);
    assert_eq!(error(&directory), EndpointError::DirectoryBucket);
    let arn = custom("arn:media", "https://s3.example.com", Addressing::Path);
    assert!(matches!(error(&arn), EndpointError::Refused(_)), "the SDK takes every arn: for an ARN");
}

#[test]
fn a_bucket_in_the_host_name_is_a_host_name_at_other_servers_too() {
    for name in ["example_media", "Media", "ab", "tenant:media", "-media"] {
        let settings = custom(name, "https://s3.example.com", Addressing::VirtualHost);
        assert_eq!(error(&settings), EndpointError::BucketName, "{name:?}");
    }
    let access_point = Some("arn:aws:s3:us-east-1:111122223333:accesspoint/readers".to_owned());
    let settings =
        EndpointSettings { access_point, ..custom("My_Media", "https://s3.example.com", Addressing::Automatic) };
    assert_eq!(error(&settings), EndpointError::BucketName, "an access point is at AWS");
}

#[test]
fn bucket_names_with_another_meaning_are_refused() {
    for (name, expected) in [
        ("a..b", EndpointError::BucketNotAHost),
        ("192.168.5.4", EndpointError::BucketNotAHost),
        ("media--usw2-az1--x-s3", EndpointError::DirectoryBucket),
        ("xn--media", EndpointError::ReservedBucketName),
        ("sthree-media", EndpointError::ReservedBucketName),
        ("media-abc123-s3alias", EndpointError::ReservedBucketName),
        ("media--ol-s3", EndpointError::ReservedBucketName),
        ("media.mrap", EndpointError::ReservedBucketName),
        ("media--table-s3", EndpointError::ReservedBucketName),
    ] {
        assert_eq!(error(&aws_settings(name, "us-east-1")), expected, "{name:?}");
    }
}

#[test]
fn regions_that_are_no_labels_are_refused() {
    let too_long = "a".repeat(64);
    for region in ["", "-a", "a-", "us_east_1", "us.east", "us-east-1@evil.example/", "US-EAST-1", "é", &too_long] {
        assert_eq!(error(&aws_settings("media", region)), EndpointError::Region, "{region:?}");
    }
}

#[test]
fn region_in_capitals_is_fine_at_another_server() {
    let settings = EndpointSettings {
        region: "RegionOne".into(),
        ..custom("media", "https://s3.example.com", Addressing::Automatic)
    };
    assert_eq!(BucketEndpoint::resolve(&settings).unwrap().region().as_ref(), "RegionOne");
}

#[test]
fn endpoints_that_could_be_read_in_two_ways_are_refused() {
    for (endpoint, expected) in [
        ("ftp://s3.example.com", EndpointError::Scheme),
        ("unix:/run/s3", EndpointError::Scheme),
        ("https://user@s3.example.com", EndpointError::UserInfo),
        ("https://:password@s3.example.com", EndpointError::UserInfo),
        ("https://s3.example.com?a", EndpointError::QueryOrFragment),
        ("https://s3.example.com/?", EndpointError::QueryOrFragment),
        ("https://s3.example.com/#", EndpointError::QueryOrFragment),
        ("https://s3.example.com.", EndpointError::Host),
        ("https://s3$.example.com", EndpointError::Host),
        ("https://s3.example.com//", EndpointError::Path),
        ("https://s3.example.com/a//b", EndpointError::Path),
        ("https://s3.example.com/a b", EndpointError::Path),
        ("https://s3.example.com/a+b", EndpointError::Path),
        ("https://s3.example.com/a%2Fb", EndpointError::Path),
    ] {
        assert_eq!(error(&custom("media", endpoint, Addressing::Automatic)), expected, "{endpoint}");
    }
}

#[test]
fn options_of_aws_are_refused_at_another_server() {
    let settings = custom("media", "https://s3.example.com", Addressing::Automatic);
    let dual_stack = EndpointSettings { dual_stack: true, ..settings.clone() };
    let fips = EndpointSettings { fips: true, ..settings };
    assert_eq!(error(&dual_stack), EndpointError::DualStackWithEndpoint);
    assert_eq!(error(&fips), EndpointError::FipsWithEndpoint);
}

#[test]
fn rules_of_aws_have_the_last_word() {
    let fips_in_china = EndpointSettings { fips: true, ..aws_settings("media", "cn-north-1") };
    assert!(matches!(error(&fips_in_china), EndpointError::Refused(_)));
}

#[test]
fn errors_never_repeat_a_url() {
    let settings = custom("media", "https://user:hunter2@s3.example.com", Addressing::Automatic);
    assert!(!format!("{0} {0:?}", error(&settings)).contains("hunter2"));
}
