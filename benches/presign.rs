//! A presigned GET by this crate's signer and by three others, in one run, on one thread, for the same object.
//!
//! The table at the end shows each as a multiple of the first. The goal for the first is 2 µs.
//!
//! Then the broker's work per call without tokens and gRPC: a decision of the policy, and the URLs of its permit. The
//! last table shows that a decision does not cost more with more tiers.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark ends at its first error and prints")]

use access_broker_base::document::Variables;
use std::array;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use access_broker_base::clock::Clock;
use access_broker_identity::{Caller, ClaimSet, Names, TokenIdentity};
use access_broker_policy::{
    AccessRequest, BucketName, BucketProfile, Checksum, ChecksumAlgorithm, EndpointName, HeaderText, LifetimeRequest,
    ObjectKey, ObjectReference, Permit, PermittedDownload, Policy, PolicyContext, RequestedDownload, RequestedUpload,
};
use access_broker_s3::credentials::{BucketCredentials, CredentialsCache, CredentialsSnapshot};
use access_broker_s3::presign::{Attribution, HttpMethod, Presigner, Signing};
use access_broker_s3::{
    Addressing, BucketEndpoint, BucketSigner, EndpointSettings, EntityTagForm, ExpiresIn, QueryParameter,
    RequiredHeaders, SigV4Presigner, SignedHeaders, SigningTime, UnsignedRequest, presign_url,
};
use aws_credential_types::Credentials;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Region};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode,
};
use aws_sigv4::sign::v4;
use criterion::{Criterion, Throughput};
use rusty_s3::S3Action;
use tokio::runtime::Runtime;

const REGION: &str = "eu-central-1";
const BUCKET: &str = "media-production";
const KEY: &str = "tier 1/2026/summer holiday/IMG_20260718_114503.jpg";
const ACCESS_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const EXPIRES: Duration = Duration::from_mins(15);

fn main() {
    let token = "IQoJb3JpZ2luX2VjEXAMPLE/+=".repeat(32);
    for (name, token) in [("long-lived keys", None), ("session token of 832 bytes", Some(token))] {
        let credentials = Credentials::new(ACCESS_KEY_ID, SECRET, token, None, "bench");
        compare(name, &credentials);
    }
    decide_and_sign(&Credentials::new(ACCESS_KEY_ID, SECRET, None, None, "bench"));
    decide_among_more_tiers();
}

fn compare(name: &str, credentials: &Credentials) {
    let own = own(credentials);
    let sdk = sdk(credentials);
    let sigv4 = sigv4(credentials);
    let rusty = rusty(credentials);
    assert_eq!(own(), sdk(), "the ratio would mean nothing if the URLs differed");
    assert_eq!(own().len(), sigv4().len());

    let mut criterion = criterion();
    let mut group = criterion.benchmark_group(format!("presigned GET, {name}"));
    group.throughput(Throughput::Elements(1));
    group.bench_function("access-broker", |bencher| bencher.iter(|| black_box(own())));
    group.bench_function("aws-sigv4", |bencher| bencher.iter(|| black_box(sigv4())));
    group.bench_function("rusty-s3", |bencher| bencher.iter(|| black_box(rusty())));
    group.bench_function("aws-sdk-s3", |bencher| bencher.iter(|| black_box(sdk())));
    group.finish();

    println!("\npresigned GET, {name}: median of 31 rounds of 500, taken in turn");
    let medians = interleaved_medians::<String, 4>([&own, &sigv4, &rusty, &sdk]);
    for (signer, median) in ["access-broker", "aws-sigv4", "rusty-s3", "aws-sdk-s3"].iter().zip(medians) {
        println!("  {signer:<14} {:>8.3} µs  {:>6.2} x", median * 1e6, median / medians[0]);
    }
    println!();
}

/// A decision, and the URLs of its permit.
fn decide_and_sign(credentials: &Credentials) {
    let policy = policy_with(10);
    let (caller, object) = (caller(), object(KEY));
    let upload = RequestedUpload {
        content_type: Some(HeaderText::parse("image/jpeg").unwrap()),
        content_length: Some(1_048_576),
        checksum: Some(Checksum::new(ChecksumAlgorithm::Sha256, &[7; 32]).unwrap()),
        ..RequestedUpload::default()
    };
    let permit_to_read = decide(&policy, &caller, &object);
    let permit_to_write = policy.decide_upload(&caller, access(&object, upload), now()).unwrap();
    let presigner = presigner(credentials);
    let attribution = Attribution {
        decision_id: "01a20bb6-e4b3-71d8-9fbd-9a6623fb817d".to_owned(),
        caller_id: "4f0c2b7d8e915a6c3d20f1b7a8e4c596".to_owned(),
    };

    let steps: [(&str, &dyn Fn()); 4] = [
        ("decide a download", &|| drop(black_box(decide(&policy, &caller, &object)))),
        ("sign its GET and HEAD", &|| {
            drop(black_box(at_once(presigner.sign_download(&permit_to_read, &attribution, now()))));
        }),
        ("decide and sign a download", &|| {
            let permit = decide(&policy, &caller, &object);
            drop(black_box(at_once(presigner.sign_download(&permit, &attribution, now()))));
        }),
        ("sign an upload's PUT", &|| {
            drop(black_box(at_once(presigner.sign_upload(&permit_to_write, &attribution, now()))));
        }),
    ];
    let mut criterion = criterion();
    let mut group = criterion.benchmark_group("permit");
    group.throughput(Throughput::Elements(1));
    for (name, step) in steps {
        group.bench_function(name, |bencher| bencher.iter(step));
    }
    group.finish();

    println!("\npermit: median of 31 rounds of 500, taken in turn");
    for ((name, _), median) in steps.iter().zip(interleaved_medians(steps.map(|(_, step)| step))) {
        println!("  {name:<28} {:>8.3} µs", median * 1e6);
    }
    println!();
}

/// The same decision by policies of different sizes: for one key repeatedly, and for a key of another tier each time.
/// The latter misses the processor's caches if the policy is larger than they are.
fn decide_among_more_tiers() {
    const TIERS: [usize; 3] = [10, 1_000, 10_000];
    let caller = caller();
    let policies = TIERS.map(policy_with);
    let key = object(KEY);
    let objects = TIERS.map(|tiers| (1..=tiers).map(|tier| object(&key_in(tier))).collect::<Vec<_>>());
    // Every tier once, so that no first use is measured.
    for (policy, objects) in policies.iter().zip(&objects) {
        for object in objects {
            drop(black_box(decide(policy, &caller, object)));
        }
    }
    let same = policies.each_ref().map(|policy| || decide(policy, &caller, &key));
    let turns = TIERS.map(|_| Cell::new(0));
    let others: [_; 3] = array::from_fn(|size| {
        let (policy, objects, turn, caller) = (&policies[size], &objects[size], &turns[size], &caller);
        move || {
            // Coprime to every size, so that all tiers are used, in a pseudo-random order.
            turn.set((turn.get() + 7_919) % objects.len());
            decide(policy, caller, &objects[turn.get()])
        }
    });

    let mut criterion = criterion();
    let mut group = criterion.benchmark_group("decide a download");
    group.throughput(Throughput::Elements(1));
    for (tiers, decide) in TIERS.iter().zip(&same) {
        group.bench_function(format!("{tiers} tiers"), |bencher| bencher.iter(|| black_box(decide())));
    }
    group.finish();

    println!("\ndecide a download: median of 31 rounds of 500, taken in turn");
    let same = interleaved_medians(same.each_ref().map(|decide| decide as &dyn Fn() -> Permit<PermittedDownload>));
    let others = interleaved_medians(others.each_ref().map(|decide| decide as &dyn Fn() -> Permit<PermittedDownload>));
    println!("  {:<14} {:>22} {:>24}", "", "the same key", "keys of all tiers");
    for (size, tiers) in TIERS.iter().enumerate() {
        let shown = |medians: &[f64; 3]| format!("{:.3} µs {:>5.2} x", medians[size] * 1e6, medians[size] / medians[0]);
        println!("  {:<14} {:>22} {:>24}", format!("{tiers} tiers"), shown(&same), shown(&others));
    }
    println!();
}

fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args()
}

/// Rounds in turn, so that other load on the machine slows all of them equally.
fn interleaved_medians<T, const N: usize>(subjects: [&dyn Fn() -> T; N]) -> [f64; N] {
    let rounds: Vec<[f64; N]> = (0..31)
        .map(|_| {
            subjects.map(|subject| {
                let started = Instant::now();
                for _ in 0..500 {
                    black_box(subject());
                }
                started.elapsed().as_secs_f64() / 500.0
            })
        })
        .collect();
    array::from_fn(|subject| {
        let mut times: Vec<f64> = rounds.iter().map(|round| round[subject]).collect();
        times.sort_unstable_by(f64::total_cmp);
        times[times.len() / 2]
    })
}

/// The decision as the broker makes it, with a copy of the object for its log.
fn decide(policy: &Policy, caller: &Caller, object: &ObjectReference) -> Permit<PermittedDownload> {
    policy.decide_download(caller, access(black_box(object), RequestedDownload::default()), black_box(now())).unwrap()
}

fn access<T>(object: &ObjectReference, terms: T) -> AccessRequest<T> {
    AccessRequest { object: object.clone(), endpoint: None, lifetime: LifetimeRequest::default(), terms }
}

/// A policy with this many tiers, each with its own grant.
fn policy_with(tiers: usize) -> Policy {
    let tier = |tier: usize| {
        format!(
            r#"
[[tier]]
name = "tier-{tier}"
bucket = "media"
prefix = "tier {tier}/"
include = ["**/*.jpg"]
download = {{ max_ttl = "1h", default_ttl = "15m" }}
upload = {{ max_ttl = "15m", max_size = "50MiB", content_types = ["image/*"], checksum = "sha256" }}

[[grant]]
tiers = ["tier-{tier}"]
operations = ["download", "upload"]
to = {{ groups = ["viewers"] }}
"#
        )
    };
    let text = (1..=tiers).map(tier).collect::<Vec<_>>().concat();
    let profile = BucketProfile::at_aws([EndpointName::default_endpoint()]);
    let (buckets, issuers) = (BTreeMap::from([(bucket(), profile)]), BTreeSet::new());
    let context = PolicyContext {
        buckets: &buckets,
        issuers: &issuers,
        trust_domains: &BTreeSet::new(),
        variables: &Variables::None,
        members: None,
    };
    Policy::parse("policy.toml", &text, &context).unwrap()
}

fn caller() -> Caller {
    Caller::from_token(Arc::new(TokenIdentity {
        issuer: "https://issuer.example.com".into(),
        subject: "5b7c1d3e-90a4-4f62-8e17-6d2f0c9ab311".into(),
        groups: ["editors", "viewers"].into_iter().collect(),
        scopes: Names::default(),
        claims: ClaimSet::pack(&serde_json::Map::new(), false).unwrap(),
        expires_at: now() + Duration::from_hours(1),
    }))
}

fn object(key: &str) -> ObjectReference {
    ObjectReference { bucket: bucket(), key: ObjectKey::parse(key).unwrap() }
}

fn key_in(tier: usize) -> String {
    KEY.replacen("tier 1/", &format!("tier {tier}/"), 1)
}

/// The logical bucket.
fn bucket() -> BucketName {
    BucketName::parse("media").unwrap()
}

/// The result of a signing that is ready at once.
fn at_once<T>(signing: Signing<'_, T>) -> T {
    match signing {
        Signing::Ready(signed) => signed.unwrap(),
        Signing::Waiting(waiting) => panic!("{waiting:?}"),
    }
}

fn presigner(credentials: &Credentials) -> SigV4Presigner {
    let cache = CredentialsCache::new(credentials.clone(), Arc::new(StandingClock), Duration::from_hours(1));
    runtime().block_on(cache.refresh()).unwrap();
    let endpoints = HashMap::from([(EndpointName::default_endpoint(), endpoint())]);
    let signer = BucketSigner {
        endpoints,
        credentials: Arc::new(BucketCredentials::for_everything(Arc::new(cache))),
        etag_form: EntityTagForm::default(),
        required_headers: RequiredHeaders::default(),
        attribution: true,
    };
    SigV4Presigner::new(HashMap::from([(bucket(), signer)]))
}

struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> SystemTime {
        now()
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_784_375_103)
}

fn endpoint() -> BucketEndpoint {
    BucketEndpoint::resolve(&EndpointSettings {
        s3_bucket: BUCKET.to_owned(),
        region: REGION.to_owned(),
        endpoint: None,
        addressing: Addressing::Automatic,
        dual_stack: false,
        fips: false,
        accelerate: false,
        access_point: None,
    })
    .unwrap()
}

/// The broker's work per URL, including `ObjectKey::parse`.
fn own(credentials: &Credentials) -> impl Fn() -> String + use<> {
    let endpoint = endpoint();
    let snapshot = CredentialsSnapshot::new(credentials.clone(), SystemTime::UNIX_EPOCH).unwrap();
    move || {
        let key = ObjectKey::parse(black_box(KEY)).unwrap();
        let (query, headers) = ([QueryParameter::GET_OBJECT], SignedHeaders::new());
        let request = UnsignedRequest { method: HttpMethod::Get, key: &key, query: &query, headers: &headers };
        let signed_at = SigningTime::floor(black_box(now())).unwrap();
        let expires_in = ExpiresIn::floor(black_box(EXPIRES)).unwrap();
        presign_url(&endpoint, &snapshot, &request, signed_at, expires_in).into_string()
    }
}

fn sdk(credentials: &Credentials) -> impl Fn() -> String + use<> {
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(credentials.clone())
        .build();
    let client = aws_sdk_s3::Client::from_conf(config);
    let runtime = runtime();
    move || {
        let presigning = PresigningConfig::builder().start_time(black_box(now())).expires_in(EXPIRES).build().unwrap();
        let request = client.get_object().bucket(BUCKET).key(black_box(KEY));
        runtime.block_on(request.presigned(presigning)).unwrap().uri().to_owned()
    }
}

/// Only the signature: the URL is already encoded.
fn sigv4(credentials: &Credentials) -> impl Fn() -> String + use<> {
    let identity = credentials.clone().into();
    let url = format!(
        "https://{BUCKET}.s3.{REGION}.amazonaws.com/tier%201/2026/summer%20holiday/IMG_20260718_114503.jpg?x-id=GetObject"
    );
    move || {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(EXPIRES);
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name("s3")
            .time(black_box(now()))
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let headers = std::iter::empty();
        let request =
            SignableRequest::new("GET", black_box(url.as_str()), headers, SignableBody::UnsignedPayload).unwrap();
        let (instructions, _signature) = aws_sigv4::http_request::sign(request, &params).unwrap().into_parts();
        let mut request = http::Request::builder().uri(&url).body(()).unwrap();
        instructions.apply_to_request_http1x(&mut request);
        request.uri().to_string()
    }
}

fn rusty(credentials: &Credentials) -> impl Fn() -> String + use<> {
    let endpoint = format!("https://s3.{REGION}.amazonaws.com").parse().unwrap();
    let bucket = rusty_s3::Bucket::new(endpoint, rusty_s3::UrlStyle::VirtualHost, BUCKET, REGION).unwrap();
    let keys = match credentials.session_token() {
        Some(token) => rusty_s3::Credentials::new_with_token(ACCESS_KEY_ID, SECRET, token),
        None => rusty_s3::Credentials::new(ACCESS_KEY_ID, SECRET),
    };
    move || {
        let mut action = bucket.get_object(Some(&keys), black_box(KEY));
        action.query_mut().insert("x-id", "GetObject");
        action.sign(EXPIRES).into()
    }
}
