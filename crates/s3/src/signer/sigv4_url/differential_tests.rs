//! The same request signed by `aws-sigv4` must give the same URL.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::endpoint::{Addressing, EndpointSettings};
use crate::oracles::{aws_settings, aws_sigv4_url, instant, naively_encoded, resolved, snapshot};
use crate::sigv4::QueryName;
use crate::strategies::{credentials, object_key, raw_header_value, region, response_overrides, unix_seconds};

fn headers() -> impl Strategy<Value = BTreeMap<String, String>> {
    let known = select(vec!["content-type", "content-length", "if-none-match", "a", "hosts", "i", "x-amz-tagging"]);
    let name = prop_oneof![known.prop_map(str::to_owned), "x-amz-meta-[a-z0-9!#$%&'*+.^_`|~-]{1,20}"];
    btree_map(name, raw_header_value(), 0..8)
}

fn query() -> impl Strategy<Value = Vec<(QueryName, String)>> {
    let operation = option::of(select(vec!["GetObject", "PutObject"]));
    let version = option::of("\\PC{0,40}");
    (operation, response_overrides(), version).prop_map(|(operation, overrides, version)| {
        let operation = operation.map(|name| (QueryName::OperationId, name.to_owned()));
        let overrides =
            overrides.into_iter().map(|(name, value)| (QueryName::Response(name), value.as_str().to_owned()));
        let version = version.map(|value| (QueryName::VersionId, value));
        operation.into_iter().chain(overrides).chain(version).collect()
    })
}

fn settings() -> impl Strategy<Value = EndpointSettings> {
    let endpoint = select(vec![
        None,
        Some("http://localhost:9000"),
        Some("https://[::1]:9000/"),
        Some("https://s3.example.com/gate-way/v1"),
        Some("http://10.1.2.3"),
    ]);
    let bucket = select(vec!["media", "media.example.com", "a-b"]);
    let other_server = ("([A-Z]{1,9}:)?[A-Za-z0-9_-]{2,9}", region()).prop_map(|(bucket, region)| EndpointSettings {
        endpoint: Some("https://s3.example.com/v1".parse().unwrap()),
        ..aws_settings(&bucket, &region)
    });
    let any_server = (bucket, region(), endpoint).prop_map(|(bucket, region, endpoint)| EndpointSettings {
        endpoint: endpoint.map(|url| url.parse().unwrap()),
        addressing: Addressing::Automatic,
        ..aws_settings(bucket, &region)
    });
    prop_oneof![3 => any_server, 1 => other_server]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn url_equals_that_of_aws_sigv4(
        method in select(vec![HttpMethod::Get, HttpMethod::Head, HttpMethod::Put]),
        settings in settings(),
        key in object_key(),
        query in query(),
        headers in headers(),
        credentials in credentials(),
        unix_seconds in unix_seconds(),
        expires_in in 1..=604_800_u64,
    ) {
        let endpoint = resolved(&settings);
        let mut signed_headers = SignedHeaders::new();
        for (name, value) in &headers {
            signed_headers.insert(name.clone(), value).unwrap();
        }
        let parameters: Vec<_> = query.iter().map(|(name, value)| QueryParameter::new(*name, value)).collect();
        let request = UnsignedRequest { method, key: &key, query: &parameters, headers: &signed_headers };
        let signed_at = SigningTime::floor(instant(unix_seconds)).unwrap();
        let life = ExpiresIn::floor(Duration::from_secs(expires_in)).unwrap();
        let own = presign_url(&endpoint, &snapshot(&credentials), &request, signed_at, life);

        let mut unsigned_url = endpoint.origin().to_owned();
        unsigned_url.push_str(settings.endpoint.as_ref().map_or("", |url| url.path().trim_end_matches('/')));
        if !endpoint.path_prefix().is_empty() {
            unsigned_url.push('/');
            unsigned_url.push_str(&naively_encoded(&settings.s3_bucket, ""));
        }
        unsigned_url.push('/');
        unsigned_url.push_str(&naively_encoded(key.as_str(), "/"));
        for (index, (name, value)) in query.iter().enumerate() {
            unsigned_url.push(if index == 0 { '?' } else { '&' });
            unsigned_url.push_str(name.as_str());
            unsigned_url.push('=');
            unsigned_url.push_str(&naively_encoded(value, ""));
        }
        let header_pairs: Vec<_> = signed_headers.iter().collect();
        let (method, region, at) = (method.as_str(), endpoint.region(), instant(unix_seconds));
        let theirs = aws_sigv4_url(method, &unsigned_url, &header_pairs, region, &credentials, at, expires_in);
        prop_assert_eq!(own.as_str(), theirs);
    }
}
