use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, future};
use proptest::prelude::*;

use super::*;
use crate::credentials::{BucketCredentials, SIGNING_MARGIN};

use crate::oracles::{
    SdkOracle, aws_settings, documentation_credentials, instant, loaded_cache, resolved, sdk_test_credentials,
};
use crate::presign::SignedUrl;
use crate::strategies::{credentials, download_terms, object_key, region, unix_seconds, upload_terms};
use access_broker_base::clock::{Clock, SystemClock};
use access_broker_policy::{
    AccountId, Checksum, ChecksumAlgorithm, Encryption, EncryptionAlgorithm, EntityTag, HeaderText, Lifetime,
    MetadataName, ObjectKey, ObjectTags, ResponseOverride, StorageClass,
};

mod urls;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn media() -> BucketName {
    BucketName::parse("media").unwrap()
}

fn presigner(region: &str, credentials: Arc<CredentialsCache>) -> SigV4Presigner {
    presigner_with(region, credentials, RequiredHeaders::default(), false)
}

fn signer(endpoints: HashMap<EndpointName, BucketEndpoint>, credentials: Arc<CredentialsCache>) -> BucketSigner {
    BucketSigner {
        endpoints,
        credentials: Arc::new(BucketCredentials::for_everything(credentials)),
        etag_form: EntityTagForm::default(),
        required_headers: RequiredHeaders::default(),
        attribution: true,
    }
}

/// The same with separate credentials for uploads.
fn with_uploads(
    signer: BucketSigner,
    downloads: Arc<CredentialsCache>,
    uploads: Arc<CredentialsCache>,
) -> BucketSigner {
    BucketSigner { credentials: Arc::new(BucketCredentials { downloads, uploads }), ..signer }
}

fn presigner_with(
    region: &str,
    credentials: Arc<CredentialsCache>,
    required_headers: RequiredHeaders,
    attribution: bool,
) -> SigV4Presigner {
    let endpoint = resolved(&aws_settings("real-media", region));
    let endpoints = HashMap::from([(EndpointName::default_endpoint(), endpoint)]);
    SigV4Presigner::new(HashMap::from([(
        media(),
        BucketSigner { required_headers, attribution, ..signer(endpoints, credentials) },
    )]))
}

fn permit<T>(key: &ObjectKey, now: SystemTime, ttl: u64, require_full_ttl: bool, terms: T) -> Permit<T> {
    let starts_at = SigningTime::floor(now).map_or(now, SigningTime::instant);
    let ttl = Duration::from_secs(ttl);
    let required_until = require_full_ttl.then(|| starts_at + ttl);
    let limited_by = ExpiryLimit::TierMaxTtl;
    Permit::for_tests(
        media(),
        key.clone(),
        Lifetime { starts_at, ttl, limited_by, required_until, stable: false },
        terms,
    )
}

fn attribution() -> Attribution {
    Attribution { decision_id: "0199-decision".to_owned(), caller_id: "f00d-caller".to_owned() }
}

fn download(
    presigner: &SigV4Presigner,
    permit: &Permit<PermittedDownload>,
    now: SystemTime,
) -> Result<PresignedDownload, PresignError> {
    at_once(presigner.sign_download(permit, &attribution(), now))
}

fn upload(
    presigner: &SigV4Presigner,
    permit: &Permit<PermittedUpload>,
    now: SystemTime,
) -> Result<PresignedUpload, PresignError> {
    at_once(presigner.sign_upload(permit, &attribution(), now))
}

/// The answer, which must be ready.
fn at_once<T>(signing: Signing<'_, T>) -> Result<T, PresignError> {
    match signing {
        Signing::Ready(answer) => answer,
        Signing::Waiting(waiting) => Err(waiting.refused),
    }
}

fn key() -> ObjectKey {
    ObjectKey::parse("tier 1/a.jpg").unwrap()
}

fn text(text: &str) -> HeaderText {
    HeaderText::parse(text).unwrap()
}

/// A clock that always returns the same time.
#[derive(Debug)]
struct At(SystemTime);

impl Clock for At {
    fn now(&self) -> SystemTime {
        self.0
    }
}

/// Credentials that were loaded at `loaded_at` and expire at `expiry`.
async fn ending(loaded_at: SystemTime, expiry: SystemTime) -> Arc<CredentialsCache> {
    let credentials = Credentials::new("AKID", "secret", None, Some(expiry), "test");
    let cache = CredentialsCache::new(credentials, Arc::new(At(loaded_at)), Duration::from_hours(1));
    cache.refresh().await.unwrap();
    Arc::new(cache)
}

fn assert_same(own: &SignedRequest, sdk: &aws_sdk_s3::presigning::PresignedRequest) -> Result<(), TestCaseError> {
    prop_assert_eq!(own.method.as_str(), sdk.method());
    prop_assert_eq!(own.url.as_str(), sdk.uri());
    let mut sdk_headers: Vec<_> = sdk.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    sdk_headers.sort();
    let own_headers: Vec<_> = own.headers.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    prop_assert_eq!(own_headers, sdk_headers);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn download_equals_that_of_the_sdk(
        key in object_key(),
        terms in download_terms(),
        region in region(),
        credentials in credentials(),
        unix_seconds in unix_seconds(),
        nanoseconds in 0..1_000_000_000_u32,
        ttl in 1..=604_800_u64,
    ) {
        let now = instant(unix_seconds) + Duration::from_nanos(nanoseconds.into());
        let sdk = SdkOracle::new(&aws_settings("real-media", &region), credentials.clone());
        let (own, get, head) = run(async {
            let presigner = presigner(&region, loaded_cache(credentials).await);
            let own = download(&presigner, &permit(&key, now, ttl, false, terms.clone()), now).unwrap();
            let get = sdk.get(key.as_str(), &terms, now, ttl).await;
            let head = sdk.head(key.as_str(), &terms, now, ttl).await;
            (own, get, head)
        });
        assert_same(&own.get, &get)?;
        assert_same(&own.head, &head)?;
        prop_assert_eq!(own.expiry.at, instant(unix_seconds + ttl));
    }

    #[test]
    fn upload_equals_that_of_the_sdk(
        key in object_key(),
        terms in upload_terms(),
        region in region(),
        credentials in credentials(),
        unix_seconds in unix_seconds(),
        ttl in 1..=604_800_u64,
    ) {
        let now = instant(unix_seconds);
        let sdk = SdkOracle::new(&aws_settings("real-media", &region), credentials.clone());
        let (own, put) = run(async {
            let presigner = presigner(&region, loaded_cache(credentials).await);
            let put = sdk.put(key.as_str(), &terms, now, ttl).await;
            (upload(&presigner, &permit(&key, now, ttl, false, terms), now).unwrap(), put)
        });
        assert_same(&own.put, &put)?;
    }

    #[test]
    fn headers_of_the_bucket_and_attribution_are_signed_as_the_sdk_signs_them(
        key in object_key(),
        reading in download_terms(),
        writing in upload_terms(),
        owner in proptest::option::of("[0-9]{12}"),
        requester_pays in any::<bool>(),
        credentials in credentials(),
        unix_seconds in unix_seconds(),
    ) {
        let now = instant(unix_seconds);
        let expected_bucket_owner = owner.map(|owner| AccountId::parse(&owner).unwrap());
        let required = RequiredHeaders { expected_bucket_owner, requester_pays };
        let sdk = SdkOracle::new(&aws_settings("real-media", "eu-west-1"), credentials.clone())
            .requiring(required.clone())
            .attributing(attribution());
        let (read, put, get, head, sdk_put) = run(async {
            let presigner = presigner_with("eu-west-1", loaded_cache(credentials).await, required, true);
            let read = download(&presigner, &permit(&key, now, 900, false, reading.clone()), now).unwrap();
            let put = upload(&presigner, &permit(&key, now, 900, false, writing.clone()), now).unwrap().put;
            let get = sdk.get(key.as_str(), &reading, now, 900).await;
            let head = sdk.head(key.as_str(), &reading, now, 900).await;
            (read, put, get, head, sdk.put(key.as_str(), &writing, now, 900).await)
        });
        assert_same(&read.get, &get)?;
        assert_same(&read.head, &head)?;
        assert_same(&put, &sdk_put)?;
    }

    #[test]
    fn expiry_is_never_later_than_any_limit_and_is_what_the_url_says(
        now_nanoseconds in 1_700_000_000_000_000_000..1_700_000_100_000_000_000_u64,
        life_milliseconds in 31_000..700_000_000_u64,
        ttl in 1..=604_800_u64,
        require_full_ttl in any::<bool>(),
    ) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_nanos(now_nanoseconds);
        let credentials_end = now + Duration::from_millis(life_milliseconds);
        let presigner = presigner("us-east-1", run(ending(now, credentials_end)));
        match download(&presigner, &permit(&key(), now, ttl, require_full_ttl, PermittedDownload::default()), now) {
            Ok(PresignedDownload { get, head, expiry }) => {
                prop_assert!(expiry.at <= now + Duration::from_secs(ttl));
                prop_assert!(expiry.at + SIGNING_MARGIN <= credentials_end);
                prop_assert!(expiry.at > now);
                let life = expiry.at.duration_since(instant(now_nanoseconds / 1_000_000_000)).unwrap();
                let stated = format!("&X-Amz-Expires={}&", life.as_secs());
                prop_assert!(get.url.as_str().contains(&stated) && head.url.as_str().contains(&stated));
                let cut = life.as_secs() < ttl;
                prop_assert_eq!(cut, expiry.limited_by == ExpiryLimit::SigningCredentialsExpiry);
                prop_assert!(!(cut && require_full_ttl));
            }
            Err(PresignError::FullTtlUnavailable { available }) => {
                prop_assert!(require_full_ttl && available < Duration::from_secs(ttl));
                // The lifetime that is reported as available can be signed.
                let smaller = permit(&key(), now, available.as_secs(), true, PermittedDownload::default());
                prop_assert!(download(&presigner, &smaller, now).is_ok());
            }
            Err(error) => {
                prop_assert_eq!(error, expiry::CREDENTIALS_UNAVAILABLE);
                let usable = Duration::from_millis(life_milliseconds).saturating_sub(SIGNING_MARGIN);
                prop_assert!(usable < Duration::from_secs(60.min(ttl)));
            }
        }
    }
}

#[tokio::test]
async fn every_upload_term_is_a_signed_header() {
    let mut tags = ObjectTags::default();
    tags.insert("team", "a b").unwrap();
    let terms = PermittedUpload {
        content_type: Some(text("image/jpeg")),
        content_length: Some(12_345),
        checksum: Some(Checksum::new(ChecksumAlgorithm::Sha256, &[0xFB; 32]).unwrap()),
        create_only: true,
        cache_control: Some(text("no-store")),
        content_disposition: Some(text("attachment")),
        content_encoding: Some(text("gzip")),
        metadata: vec![(MetadataName::parse("b").unwrap(), text("2")), (MetadataName::parse("a").unwrap(), text("1"))],
        if_match: Some(EntityTag::parse("\"abc\"").unwrap()),
        tags,
        storage_class: Some(StorageClass::StandardInfrequentAccess),
        encryption: Some(Arc::new(Encryption {
            algorithm: EncryptionAlgorithm::Kms,
            kms_key_id: Some(text("arn:aws:kms:eu-west-1:123456789012:key/k")),
            context: Some(text("eyJhIjoiYiJ9")),
            bucket_key: Some(true),
        })),
        record_decision: true,
    };
    let presigner = presigner("us-east-1", loaded_cache(sdk_test_credentials()).await);
    let now = instant(1_700_000_000);
    let put = upload(&presigner, &permit(&key(), now, 900, false, terms), now).unwrap().put;
    let headers: Vec<_> = put.headers.iter().map(|(name, value)| (name.as_ref(), value.as_str())).collect();
    assert_eq!(
        headers,
        [
            ("cache-control", "no-store"),
            ("content-disposition", "attachment"),
            ("content-encoding", "gzip"),
            ("content-length", "12345"),
            ("content-type", "image/jpeg"),
            ("if-match", "\"abc\""),
            ("if-none-match", "*"),
            ("x-amz-checksum-sha256", "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s="),
            ("x-amz-meta-a", "1"),
            ("x-amz-meta-access-broker-decision", "0199-decision"),
            ("x-amz-meta-b", "2"),
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-server-side-encryption-aws-kms-key-id", "arn:aws:kms:eu-west-1:123456789012:key/k"),
            ("x-amz-server-side-encryption-bucket-key-enabled", "true"),
            ("x-amz-server-side-encryption-context", "eyJhIjoiYiJ9"),
            ("x-amz-storage-class", "STANDARD_IA"),
            ("x-amz-tagging", "team=a%20b"),
        ]
    );
    let signed = headers.iter().map(|(name, _)| *name).chain(["host"]);
    let mut names: Vec<&str> = signed.collect();
    names.sort_unstable();
    assert!(put.url.as_str().contains(&format!("&X-Amz-SignedHeaders={}&", names.join("%3B"))));
}

#[tokio::test]
async fn terms_given_twice_are_refused() {
    let presigner = presigner("us-east-1", loaded_cache(sdk_test_credentials()).await);
    let response_overrides =
        vec![(ResponseOverride::ContentType, text("a")), (ResponseOverride::ContentType, text("b"))];
    let terms = PermittedDownload { response_overrides, ..PermittedDownload::default() };
    let now = instant(1_700_000_000);
    let refused = download(&presigner, &permit(&key(), now, 900, false, terms), now);
    assert_eq!(refused, Err(PresignError::RepeatedTerm));

    let name = || MetadataName::parse("a").unwrap();
    let terms =
        PermittedUpload { metadata: vec![(name(), text("1")), (name(), text("2"))], ..PermittedUpload::default() };
    assert_eq!(upload(&presigner, &permit(&key(), now, 900, false, terms), now), Err(PresignError::RepeatedTerm));
}

#[tokio::test]
async fn a_request_that_is_larger_than_s3_takes_is_not_signed() {
    use ResponseOverride::{CacheControl, ContentEncoding, ContentType};
    let presigner = presigner("us-east-1", loaded_cache(sdk_test_credentials()).await);
    let now = instant(1_700_000_000);
    let quotes = || text(&"\"".repeat(1_024));
    let with = |overrides: &[ResponseOverride]| {
        let response_overrides = overrides.iter().map(|header| (*header, quotes())).collect();
        permit(&key(), now, 900, false, PermittedDownload { response_overrides, ..PermittedDownload::default() })
    };
    let two = download(&presigner, &with(&[CacheControl, ContentType]), now).unwrap();
    assert!(two.get.url.as_str().len() <= 8_192);
    let three = download(&presigner, &with(&[CacheControl, ContentEncoding, ContentType]), now);
    assert_eq!(too_large(three), ["response_overrides.content_encoding"], "its name is the longest");

    let metadata = (0..9).map(|n| (MetadataName::parse(&format!("m{n}")).unwrap(), text(&"x".repeat(200)))).collect();
    let mut tags = ObjectTags::default();
    for n in 0..10 {
        tags.insert(&format!("t{n}"), &"é".repeat(256)).unwrap();
    }
    let terms =
        PermittedUpload { metadata, tags, content_type: Some(text("image/jpeg")), ..PermittedUpload::default() };
    let put = upload(&presigner, &permit(&key(), now, 900, false, terms), now);
    assert_eq!(too_large(put), ["tags"]);
}

/// The reported size of a field is its size in the signed request.
#[test]
fn the_sizes_of_fields_are_those_in_the_signed_request() {
    let bytes = |request: &SignedRequest| {
        let headers: usize = request.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        request.url.as_str().len() + headers
    };
    let sum = |fields: Vec<(&'static str, usize)>| fields.into_iter().map(|(_, bytes)| bytes).sum::<usize>();
    let presigner = presigner("us-east-1", run(loaded_cache(documentation_credentials())));
    let now = instant(1_700_000_000);
    let get = |terms| download(&presigner, &permit(&key(), now, 900, false, terms), now).map(|signed| signed.get);
    let put = |terms| upload(&presigner, &permit(&key(), now, 900, false, terms), now).map(|signed| signed.put);
    let bare = (bytes(&get(PermittedDownload::default()).unwrap()), bytes(&put(PermittedUpload::default()).unwrap()));
    proptest!(|(reading in download_terms(), mut writing in upload_terms())| {
        prop_assert_eq!(bytes(&get(reading.clone()).unwrap()), bare.0 + sum(oversize::download_fields(&reading)));
        // Of fixed size, or set by the tier.
        writing.content_length = None;
        writing.checksum = None;
        writing.create_only = false;
        writing.storage_class = None;
        writing.encryption = None;
        prop_assert_eq!(bytes(&put(writing.clone()).unwrap()), bare.1 + sum(oversize::upload_fields(&writing)));
    });
}

/// The fields in the error about the size.
fn too_large<T: std::fmt::Debug>(result: Result<T, PresignError>) -> Vec<&'static str> {
    match result {
        Err(PresignError::RequestTooLarge(violations)) => violations.iter().map(|violation| violation.field).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_link_to_a_bucket_whose_requesters_pay_needs_no_header() {
    let required = RequiredHeaders { expected_bucket_owner: None, requester_pays: true };
    let cache = loaded_cache(documentation_credentials()).await;
    let presigner = presigner_with("us-east-1", cache, required, false);
    let now = instant(1_700_000_000);
    let reads = download(&presigner, &permit(&key(), now, 900, false, PermittedDownload::default()), now).unwrap();
    for request in [reads.get, reads.head] {
        assert!(request.url.as_str().contains("x-amz-request-payer=requester&"), "{}", request.method.as_str());
        assert!(request.url.as_str().contains("&X-Amz-SignedHeaders=host&"), "{}", request.method.as_str());
        assert_eq!(request.headers, [], "{}", request.method.as_str());
    }
    let put = upload(&presigner, &permit(&key(), now, 900, false, PermittedUpload::default()), now).unwrap().put;
    assert_eq!(put.headers, [("x-amz-request-payer".into(), "requester".to_owned())]);
    assert!(!put.url.as_str().contains("payer=requester"));
}

#[tokio::test]
async fn permit_for_another_bucket_is_refused() {
    let presigner = SigV4Presigner::new(HashMap::new());
    let now = instant(1_700_000_000);
    let permit = permit(&key(), now, 900, false, PermittedDownload::default());
    assert_eq!(download(&presigner, &permit, now), Err(PresignError::UnknownBucket));
}

#[tokio::test]
async fn nothing_is_signed_before_credentials_are_there() {
    let cache = CredentialsCache::new(documentation_credentials(), Arc::new(SystemClock), Duration::from_hours(1));
    let cache = Arc::new(cache);
    let presigner = presigner("us-east-1", Arc::clone(&cache));
    let now = instant(1_700_000_000);
    let permit = permit(&key(), now, 900, false, PermittedDownload::default());
    assert_eq!(download(&presigner, &permit, now), Err(expiry::CREDENTIALS_UNAVAILABLE));
    assert_eq!(lacking(&presigner, now), [Operation::Download]);
    cache.refresh().await.unwrap();
    assert!(download(&presigner, &permit, now).is_ok());
    assert_eq!(lacking(&presigner, now), []);
}

/// The operations that the bucket lacks credentials for.
fn lacking(presigner: &SigV4Presigner, now: SystemTime) -> Vec<Operation> {
    presigner.availability(now).filter(|found| !found.available).map(|found| found.operation).collect()
}

#[tokio::test]
async fn nothing_is_signed_with_credentials_past_their_end() {
    let now = instant(1_700_000_000);
    let presigner = presigner("us-east-1", ending(now, now + Duration::from_hours(1)).await);
    assert_eq!(lacking(&presigner, now), []);
    for late in [3_570, 3_600, 1_000_000] {
        let then = now + Duration::from_secs(late);
        let permit = permit(&key(), then, 1, false, PermittedDownload::default());
        assert_eq!(download(&presigner, &permit, then), Err(expiry::CREDENTIALS_UNAVAILABLE), "{late}");
        assert_eq!(lacking(&presigner, then), [Operation::Download], "{late}");
    }
}

#[tokio::test]
async fn answers_with_urls_cut_short_are_counted() {
    let now = instant(1_700_000_000);
    let cache = ending(now, now + Duration::from_hours(1)).await;
    let presigner = presigner("us-east-1", Arc::clone(&cache));
    let sign = |ttl| download(&presigner, &permit(&key(), now, ttl, false, PermittedDownload::default()), now);
    assert!(sign(3_570).is_ok());
    assert_eq!(cache.status().urls_cut, 0);
    assert!(sign(3_571).is_ok());
    assert_eq!(cache.status().urls_cut, 1, "one answer, although it has two URLs");
}

#[tokio::test]
async fn clock_outside_sigv4s_years_is_refused() {
    let presigner = presigner("us-east-1", loaded_cache(sdk_test_credentials()).await);
    for now in [SystemTime::UNIX_EPOCH - Duration::from_secs(1), instant(253_402_300_800)] {
        let permit = permit(&key(), now, 900, false, PermittedDownload::default());
        assert_eq!(download(&presigner, &permit, now), Err(PresignError::UnsignableTime));
    }
}

#[tokio::test]
async fn neither_url_nor_secret_is_in_any_debug_output() {
    let presigner = presigner("us-east-1", loaded_cache(sdk_test_credentials()).await);
    let now = instant(1_700_000_000);
    let permit = permit(&key(), now, 900, false, PermittedDownload::default());
    let signed = download(&presigner, &permit, now).unwrap();
    let everything = format!("{presigner:?} {signed:?}");
    for secret in ["ANOTREAL", "notrealrnrELgWzOk3IfjzDKtFBhDby", "notarealsessiontoken", "Signature", "a.jpg"] {
        assert!(!everything.contains(secret), "{secret} is in {everything}");
    }
}

/// A provider with another access key at each read: `PREFIX-1`, `PREFIX-2` and so on.
#[derive(Debug)]
struct Counted(&'static str, AtomicUsize);

impl ProvideCredentials for Counted {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let id = format!("{}-{}", self.0, self.1.fetch_add(1, Ordering::Relaxed) + 1);
        let end = instant(1_700_000_000) + Duration::from_hours(1);
        future::ProvideCredentials::ready(Ok(Credentials::new(id, "secret", None, Some(end), "test")))
    }
}

fn counted(prefix: &'static str) -> Arc<CredentialsCache> {
    let provider = Counted(prefix, AtomicUsize::new(0));
    Arc::new(CredentialsCache::new(provider, Arc::new(Hurried(AtomicU64::new(0))), Duration::from_hours(1)))
}

/// A clock on which eleven seconds pass between two reads: longer than the shortest time between two attempts.
#[derive(Debug)]
struct Hurried(AtomicU64);

impl Clock for Hurried {
    fn now(&self) -> SystemTime {
        instant(1_700_000_000) + Duration::from_secs(self.0.fetch_add(11, Ordering::Relaxed))
    }
}

#[tokio::test]
async fn each_operation_is_signed_and_renewed_by_its_own_credentials() {
    let now = instant(1_700_000_000);
    let (reader, writer) = (counted("READ"), counted("WRITE"));
    let endpoint = resolved(&aws_settings("real-media", "us-east-1"));
    let endpoints = HashMap::from([(EndpointName::default_endpoint(), endpoint)]);
    let signer = signer(endpoints, Arc::clone(&reader));
    let signer = with_uploads(signer, Arc::clone(&reader), Arc::clone(&writer));
    let presigner = SigV4Presigner::new(HashMap::from([(media(), signer)]));
    assert_eq!(lacking(&presigner, now), [Operation::Download, Operation::Upload]);
    writer.refresh().await.unwrap();
    assert_eq!(lacking(&presigner, now), [Operation::Download, Operation::Upload], "the reader's key is not known");
    let read = permit(&key(), now, 900, false, PermittedDownload::default());
    let write = permit(&key(), now, 900, false, PermittedUpload::default());
    assert_eq!(download(&presigner, &read, now), Err(expiry::CREDENTIALS_UNAVAILABLE));
    assert_eq!(upload(&presigner, &write, now), Err(expiry::CREDENTIALS_UNAVAILABLE));
    reader.refresh().await.unwrap();
    assert_eq!(lacking(&presigner, now), []);
    let signed_by = |id: &str, url: &SignedUrl| url.as_str().contains(&format!("X-Amz-Credential={id}%2F"));
    let both = || (download(&presigner, &read, now).unwrap(), upload(&presigner, &write, now).unwrap());
    let (down, up) = both();
    assert!(signed_by("READ-1", &down.get.url) && signed_by("READ-1", &down.head.url), "{down:?}");
    assert!(signed_by("WRITE-1", &up.put.url), "{up:?}");
    // Two hours are longer than the lifetime of these credentials.
    let too_long = permit(&key(), now, 7_200, true, PermittedUpload::default());
    let refused = presigner.sign_upload(&too_long, &attribution(), now).finish().await;
    assert!(matches!(refused, Err(PresignError::FullTtlUnavailable { .. })), "{refused:?}");
    let (down, up) = both();
    assert!(signed_by("READ-1", &down.get.url) && signed_by("WRITE-2", &up.put.url));
    let too_long = permit(&key(), now, 7_200, true, PermittedDownload::default());
    let refused = presigner.sign_download(&too_long, &attribution(), now).finish().await;
    assert!(matches!(refused, Err(PresignError::FullTtlUnavailable { .. })), "{refused:?}");
    let (down, up) = both();
    assert!(signed_by("READ-2", &down.get.url) && signed_by("WRITE-2", &up.put.url));
}

#[tokio::test]
async fn uploads_are_not_signed_by_the_key_that_reads_under_another_name() {
    let now = instant(1_700_000_000);
    let end = now + Duration::from_hours(1);
    let endpoint = resolved(&aws_settings("real-media", "us-east-1"));
    let endpoints = HashMap::from([(EndpointName::default_endpoint(), endpoint)]);
    let (reader, writer) = (ending(now, end).await, ending(now, end).await);
    let signer = with_uploads(signer(endpoints, Arc::clone(&reader)), reader, writer);
    let presigner = SigV4Presigner::new(HashMap::from([(media(), signer)]));
    assert_eq!(lacking(&presigner, now), [Operation::Upload]);
    let write = permit(&key(), now, 900, false, PermittedUpload::default());
    assert_eq!(upload(&presigner, &write, now), Err(expiry::CREDENTIALS_UNAVAILABLE));
    let read = permit(&key(), now, 900, false, PermittedDownload::default());
    assert!(download(&presigner, &read, now).is_ok());
}

#[tokio::test]
async fn uploads_are_not_signed_by_the_key_that_reads_in_another_bucket() {
    let now = instant(1_700_000_000);
    let end = now + Duration::from_hours(1);
    let endpoint = || resolved(&aws_settings("real-media", "us-east-1"));
    let endpoints = || HashMap::from([(EndpointName::default_endpoint(), endpoint())]);
    let (reader, writer) = (counted("READ"), ending(now, end).await);
    reader.refresh().await.unwrap();
    let split = with_uploads(signer(endpoints(), Arc::clone(&reader)), reader, writer);
    let alone = SigV4Presigner::new(HashMap::from([(media(), split.clone())]));
    let write = permit(&key(), now, 900, false, PermittedUpload::default());
    assert!(upload(&alone, &write, now).is_ok());
    let other = signer(endpoints(), ending(now, end).await);
    let buckets = HashMap::from([(media(), split), (BucketName::parse("other").unwrap(), other)]);
    assert_eq!(upload(&SigV4Presigner::new(buckets), &write, now), Err(expiry::CREDENTIALS_UNAVAILABLE));
}

#[tokio::test]
async fn a_tag_is_quoted_or_bare_as_the_server_wants_it() {
    let now = instant(1_700_000_000);
    for (etag_form, expected) in [(EntityTagForm::Quoted, "\"abc-1\""), (EntityTagForm::Bare, "abc-1")] {
        let endpoint = resolved(&aws_settings("real-media", "us-east-1"));
        let endpoints = HashMap::from([(EndpointName::default_endpoint(), endpoint)]);
        let cache = ending(now, now + Duration::from_hours(1)).await;
        let signer = BucketSigner { etag_form, ..signer(endpoints, cache) };
        let presigner = SigV4Presigner::new(HashMap::from([(media(), signer)]));
        let terms =
            PermittedUpload { if_match: Some(EntityTag::parse("\"abc-1\"").unwrap()), ..PermittedUpload::default() };
        let put = upload(&presigner, &permit(&key(), now, 900, false, terms), now).unwrap().put;
        let header = put.headers.iter().find(|(name, _)| name == "if-match").map(|(_, value)| value.as_str());
        assert_eq!(header, Some(expected));
    }
}

/// Has separate credentials for one tier, as a source of sessions for tiers would.
#[derive(Debug)]
struct OneTier {
    tier: &'static str,
    own: Arc<CredentialsCache>,
    others: Arc<CredentialsCache>,
}

impl CredentialsSource for OneTier {
    fn find(&self, wanted: CredentialsUse<'_>) -> Arc<CredentialsCache> {
        assert_eq!(wanted.bucket, &media());
        Arc::clone(if wanted.tier == self.tier { &self.own } else { &self.others })
    }

    fn all(&self, _: &BucketName, _: Operation) -> Vec<Arc<CredentialsCache>> {
        vec![Arc::clone(&self.own), Arc::clone(&self.others)]
    }
}

#[tokio::test]
async fn credentials_are_chosen_by_the_tier_of_the_permit() {
    let now = instant(1_700_000_000);
    for (tier, signed_by) in [("tier-1", "OWN-1"), ("tier-2", "OTHERS-1")] {
        let (own, others) = (counted("OWN"), counted("OTHERS"));
        let source = Arc::new(OneTier { tier, own: Arc::clone(&own), others: Arc::clone(&others) });
        let endpoints =
            HashMap::from([(EndpointName::default_endpoint(), resolved(&aws_settings("real-media", "us-east-1")))]);
        let signer = BucketSigner { credentials: source, ..signer(endpoints, Arc::clone(&own)) };
        let presigner = SigV4Presigner::new(HashMap::from([(media(), signer)]));
        own.refresh().await.unwrap();
        assert_eq!(lacking(&presigner, now), [Operation::Download], "those of the other tiers are missing");
        others.refresh().await.unwrap();
        assert_eq!(lacking(&presigner, now), []);
        let read = permit(&key(), now, 900, false, PermittedDownload::default());
        let write = permit(&key(), now, 900, false, PermittedUpload::default());
        let urls =
            [download(&presigner, &read, now).unwrap().get.url, upload(&presigner, &write, now).unwrap().put.url];
        for url in urls {
            assert!(url.as_str().contains(&format!("X-Amz-Credential={signed_by}%2F")), "{tier}: {}", url.as_str());
        }
    }
}

#[tokio::test]
async fn only_an_answer_that_needs_other_credentials_must_wait() {
    let now = instant(1_700_000_000);
    let cache = counted("KEY");
    cache.refresh().await.unwrap();
    let (presigner, attribution) = (presigner("us-east-1", cache), attribution());
    let read = |ttl, require_full_ttl| permit(&key(), now, ttl, require_full_ttl, PermittedDownload::default());
    for ready in [read(900, true), read(7_200, false)] {
        let signing = presigner.sign_download(&ready, &attribution, now);
        assert!(matches!(signing, Signing::Ready(Ok(_))), "{signing:?}");
    }
    let too_long = read(7_200, true);
    let waiting = presigner.sign_download(&too_long, &attribution, now);
    assert!(matches!(waiting, Signing::Waiting(_)), "{waiting:?}");
    drop(waiting);
    let url = download(&presigner, &read(900, true), now).unwrap().get.url;
    assert!(url.as_str().contains("X-Amz-Credential=KEY-1%2F"), "nothing was renewed for a caller that went away");
}

/// Returns credentials with the first of the lifetimes, then with the next, and so on; the last one is repeated.
#[derive(Debug)]
struct Lives(Mutex<Vec<u64>>);

impl ProvideCredentials for Lives {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let mut lives = self.0.lock().unwrap();
        let life = if lives.len() > 1 { lives.remove(0) } else { lives[0] };
        let expiry = SystemTime::now() + Duration::from_secs(life);
        let id = format!("AKID{life}");
        future::ProvideCredentials::ready(Ok(Credentials::new(id, "secret", None, Some(expiry), "test")))
    }
}

/// A clock that is late by this number of seconds.
#[derive(Debug)]
struct Late(AtomicU64);

impl Clock for Late {
    fn now(&self) -> SystemTime {
        SystemTime::now() - Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

async fn presigner_of_lives(lives: &[u64]) -> SigV4Presigner {
    let provider = Lives(Mutex::new(lives.to_vec()));
    // The first credentials were loaded a minute ago: a provider is not asked twice within seconds.
    let clock = Arc::new(Late(AtomicU64::new(60)));
    let cache = CredentialsCache::new(provider, Arc::clone(&clock) as _, Duration::from_hours(1));
    cache.refresh().await.unwrap();
    clock.0.store(0, Ordering::Relaxed);
    presigner("us-east-1", Arc::new(cache))
}

#[tokio::test]
async fn a_caller_who_insists_on_a_longer_life_has_the_credentials_renewed() {
    let presigner = presigner_of_lives(&[600, 7_200]).await;
    let (now, attribution) = (SystemTime::now(), attribution());
    let sign = async |require_full_ttl| {
        let permit = permit(&key(), now, 3_600, require_full_ttl, PermittedDownload::default());
        presigner.sign_download(&permit, &attribution, now).finish().await.unwrap()
    };
    assert_eq!(sign(false).await.expiry.limited_by, ExpiryLimit::SigningCredentialsExpiry);
    let full = sign(true).await;
    assert_eq!(full.expiry.limited_by, ExpiryLimit::TierMaxTtl);
    assert!(full.get.url.as_str().contains("AKID7200"));
}

#[tokio::test]
async fn a_renewal_that_does_not_help_ends_in_the_longest_life_that_can_be_signed() {
    let presigner = presigner_of_lives(&[600, 900]).await;
    let now = SystemTime::now();
    let permit = permit(&key(), now, 3_600, true, PermittedDownload::default());
    let refused = presigner.sign_download(&permit, &attribution(), now).finish().await;
    let Err(PresignError::FullTtlUnavailable { available }) = refused else { panic!("{refused:?}") };
    assert!((800..=870).contains(&available.as_secs()), "{available:?}");
}
