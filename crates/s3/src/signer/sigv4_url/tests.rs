//! Published signatures, as whole URLs.

use super::*;
use crate::oracles::{aws_settings, documentation_credentials, instant, resolved, sdk_test_credentials, snapshot};
use std::time::Duration;

/// 2013-05-24T00:00:00Z
const DOCUMENTATION_TIME: u64 = 1_369_353_600;
/// 2009-02-13T23:31:31Z
const SDK_TEST_TIME: u64 = 1_234_567_891;

fn documentation_url(method: HttpMethod) -> SignedUrl {
    // The example uses the global host name and signs for us-east-1.
    let endpoint = resolved(&aws_settings("examplebucket", "aws-global"));
    let key = ObjectKey::parse("test.txt").unwrap();
    let request = UnsignedRequest { method, key: &key, query: &[], headers: &SignedHeaders::new() };
    let expires_in = ExpiresIn::floor(Duration::from_hours(24)).unwrap();
    let signed_at = SigningTime::floor(instant(DOCUMENTATION_TIME)).unwrap();
    presign_url(&endpoint, &snapshot(&documentation_credentials()), &request, signed_at, expires_in)
}

fn sdk_test_url(
    bucket: &str,
    key: &str,
    method: HttpMethod,
    query: &[QueryParameter],
    headers: &[(&'static str, &str)],
) -> String {
    let endpoint = resolved(&aws_settings(bucket, "us-east-1"));
    let key = ObjectKey::parse(key).unwrap();
    let mut signed = SignedHeaders::new();
    for (name, value) in headers {
        signed.insert(*name, *value).unwrap();
    }
    let request = UnsignedRequest { method, key: &key, query, headers: &signed };
    let expires_in = ExpiresIn::floor(Duration::from_secs(30)).unwrap();
    let signed_at = SigningTime::floor(instant(SDK_TEST_TIME)).unwrap();
    presign_url(&endpoint, &snapshot(&sdk_test_credentials()), &request, signed_at, expires_in).into_string()
}

#[test]
fn get_example_of_the_aws_documentation() {
    assert_eq!(
        documentation_url(HttpMethod::Get).as_str(),
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}

#[test]
fn put_of_the_documentation_example() {
    assert_eq!(
        documentation_url(HttpMethod::Put).as_str(),
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=f4db56459304dafaa603a99a23c6bea8821890259a65c18ff503a4a72a80efd9"
    );
}

#[test]
fn get_of_the_sdk_tests() {
    assert_eq!(
        sdk_test_url("test-bucket", "test-key", HttpMethod::Get, &[QueryParameter::GET_OBJECT], &[]),
        "https://test-bucket.s3.us-east-1.amazonaws.com/test-key?x-id=GetObject&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=ANOTREAL%2F20090213%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20090213T233131Z\
         &X-Amz-Expires=30&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=758353318739033a850182c7b3435076eebbbd095f8dcf311383a6a1e124c4cb\
         &X-Amz-Security-Token=notarealsessiontoken"
    );
}

#[test]
fn head_of_the_sdk_tests() {
    assert_eq!(
        sdk_test_url("bucket", "key", HttpMethod::Head, &[], &[]),
        "https://bucket.s3.us-east-1.amazonaws.com/key?X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=ANOTREAL%2F20090213%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20090213T233131Z\
         &X-Amz-Expires=30&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=6b97012e70d5ee3528b5591e0e90c0f45e0fa303506f854eff50ff922751a193\
         &X-Amz-Security-Token=notarealsessiontoken"
    );
}

#[test]
fn put_with_length_and_type_of_the_sdk_tests() {
    let headers = [("content-length", "12345"), ("content-type", "application/x-test")];
    assert_eq!(
        sdk_test_url("test-bucket", "test-key", HttpMethod::Put, &[QueryParameter::PUT_OBJECT], &headers),
        "https://test-bucket.s3.us-east-1.amazonaws.com/test-key?x-id=PutObject&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=ANOTREAL%2F20090213%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20090213T233131Z\
         &X-Amz-Expires=30&X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost\
         &X-Amz-Signature=be1d41dc392f7019750e4f5e577234fb9059dd20d15f6a99734196becce55e52\
         &X-Amz-Security-Token=notarealsessiontoken"
    );
}

#[test]
fn put_with_checksum_of_the_sdk_tests() {
    let headers = [("x-amz-checksum-crc64nvme", "NotARealChecksum")];
    assert_eq!(
        sdk_test_url("test-bucket", "test-key", HttpMethod::Put, &[QueryParameter::PUT_OBJECT], &headers),
        "https://test-bucket.s3.us-east-1.amazonaws.com/test-key?x-id=PutObject&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=ANOTREAL%2F20090213%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20090213T233131Z\
         &X-Amz-Expires=30&X-Amz-SignedHeaders=host%3Bx-amz-checksum-crc64nvme\
         &X-Amz-Signature=40e6ea102769a53f440db587be0b6898893d9a0f8268d2f8d2315ca0abc42fee\
         &X-Amz-Security-Token=notarealsessiontoken"
    );
}

#[test]
fn scope_and_timestamp_follow_the_same_instant_over_midnight() {
    let endpoint = resolved(&aws_settings("test-bucket", "us-east-1"));
    let credentials = snapshot(&sdk_test_credentials());
    let key = ObjectKey::parse("key").unwrap();
    let request = UnsignedRequest { method: HttpMethod::Get, key: &key, query: &[], headers: &SignedHeaders::new() };
    let url_at = |unix_seconds| {
        let signed_at = SigningTime::floor(instant(unix_seconds)).unwrap();
        presign_url(&endpoint, &credentials, &request, signed_at, ExpiresIn::MAX).into_string()
    };
    let (before, after) = (url_at(DOCUMENTATION_TIME - 1), url_at(DOCUMENTATION_TIME));
    assert!(before.contains("%2F20130523%2F") && before.contains("X-Amz-Date=20130523T235959Z"));
    assert!(after.contains("%2F20130524%2F") && after.contains("X-Amz-Date=20130524T000000Z"));
    assert_eq!(before, url_at(DOCUMENTATION_TIME - 1), "a later day's key must not replace it");
}

#[test]
fn header_values_are_trimmed_and_folded() {
    let mut out = String::new();
    push_canonical_value(&mut out, "  a   b c ");
    assert_eq!(out, "a b c");
}
