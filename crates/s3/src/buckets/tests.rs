use access_broker_base::document::Variables;
use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::credentials::SecretSource;
use crate::endpoint::BucketEndpoint;
use crate::oracles::aws_settings;
use access_broker_base::clock::SystemClock;
use access_broker_policy::{BucketProfile, PolicyContext};

/// Credentials whose access key id is in one variable and whose secret is in another.
fn named(name: &str, id: &str) -> CredentialsSettings {
    CredentialsSettings::Static {
        name: name.to_owned(),
        access_key_id: SecretSource::EnvironmentVariable(id.to_owned()),
        secret_access_key: SecretSource::EnvironmentVariable("SECRET".to_owned()),
        session: None,
    }
}

fn bucket(name: &str, credentials: &CredentialsSettings, uploads: Option<&CredentialsSettings>) -> S3Bucket {
    let settings = aws_settings("real-media", "eu-west-1");
    let endpoint = BucketEndpoint::resolve(&settings).unwrap();
    S3Bucket {
        name: BucketName::parse(name).unwrap(),
        endpoints: vec![NamedEndpoint { name: EndpointName::default_endpoint(), settings, endpoint }],
        broker_endpoint: EndpointName::default_endpoint(),
        required_headers: RequiredHeaders::default(),
        etag_form: EntityTagForm::default(),
        attribution: true,
        credentials: credentials.clone(),
        upload_credentials: uploads.cloned(),
    }
}

fn policy(max_ttl: &str) -> Policy {
    let profile = || BucketProfile::at_aws([EndpointName::default_endpoint()]);
    let buckets = BTreeMap::from(["one", "two"].map(|name| (BucketName::parse(name).unwrap(), profile())));
    let context = PolicyContext {
        buckets: &buckets,
        issuers: &BTreeSet::new(),
        trust_domains: &BTreeSet::new(),
        variables: &Variables::None,
        members: None,
    };
    let text = format!(
        "tier = [{{ name = 't', bucket = 'one', prefix = '', download = {{ max_ttl = '{max_ttl}' }}, upload = {{}} }}]"
    );
    Policy::parse("policy.toml", &text, &context).unwrap()
}

/// In an environment where the value of each variable is its name, except for these two.
async fn build(buckets: &[S3Bucket]) -> Result<S3Buckets, S3BucketsError> {
    let environment: ReadEnv = Arc::new(|name| match name {
        "UNSET" => None,
        "READ_AGAIN" => Some("READ".to_owned()),
        _ => Some(name.to_owned()),
    });
    let options = S3Options {
        clock: Arc::new(SystemClock),
        environment,
        settle: Duration::from_secs(2),
        inspection_timeout: Duration::from_secs(1),
    };
    S3Buckets::build(buckets, &policy("1h"), &options).await
}

#[tokio::test]
async fn what_is_signed_by_the_same_credentials_shares_one_cache() {
    let (reader, writer) = (named("reader", "READ"), named("writer", "WRITE"));
    let buckets = build(&[bucket("one", &reader, None), bucket("two", &reader, Some(&writer))]).await.unwrap();
    let credentials = buckets.credentials();
    let names: Vec<&str> = credentials.iter().map(|status| &*status.name).collect();
    assert_eq!(names, ["reader", "writer"]);
    for status in &credentials {
        assert_eq!(status.refreshes[0], ("renewed", 1), "read once");
        assert!(status.last_refresh_is_good && !status.from_files && status.loaded_at.is_some());
    }
    assert_eq!(buckets.background_tasks().len(), 2);
    let mut found: Vec<_> = buckets
        .availability(SystemTime::now())
        .into_iter()
        .map(|found| (found.bucket.as_str().to_owned(), found.operation.name(), found.available))
        .collect();
    found.sort();
    let expected = [("one", "download", true), ("two", "download", true), ("two", "upload", true)];
    assert_eq!(found, expected.map(|(bucket, operation, available)| (bucket.to_owned(), operation, available)));
}

#[tokio::test]
async fn uploads_are_not_set_up_with_a_key_that_reads_in_any_bucket() {
    let (reader, other) = (named("reader", "READ"), named("other", "OTHER"));
    let same_key = named("writer", "READ_AGAIN");
    let error = build(&[bucket("one", &other, Some(&same_key)), bucket("two", &reader, None)]).await.unwrap_err();
    let expected = "the upload_credentials of bucket one hold the access key that reads in bucket two: give uploads a \
                    separate access key";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn credentials_that_cannot_be_read_are_named_with_their_bucket() {
    let error = build(&[bucket("one", &named("reader", "UNSET"), None)]).await.unwrap_err();
    assert_eq!(error.to_string(), "the credentials reader of bucket one cannot be read");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("environment variable UNSET is not set"), "{cause}");
}
