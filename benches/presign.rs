//! One presigned GET, by this crate's signer and by three others, in one run, on one thread, for the same object.
//!
//! The table at the end shows each as a multiple of the first. The goal for the first is 2 µs.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark ends at its first error and prints")]

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use access_broker::policy::ObjectKey;
use access_broker::presign::credentials::CredentialsSnapshot;
use access_broker::presign::sigv4::{QueryParameter, UnsignedRequest, presign};
use access_broker::presign::{
    Addressing, BucketEndpoint, EndpointSettings, ExpiresIn, HttpMethod, SignedHeaders, SigningTime,
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
}

fn compare(name: &str, credentials: &Credentials) {
    let own = own(credentials);
    let sdk = sdk(credentials);
    let sigv4 = sigv4(credentials);
    let rusty = rusty(credentials);
    assert_eq!(own(), sdk(), "the ratio would mean nothing if the URLs differed");
    assert_eq!(own().len(), sigv4().len());

    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut group = criterion.benchmark_group(format!("presigned GET, {name}"));
    group.throughput(Throughput::Elements(1));
    group.bench_function("access-broker", |bencher| bencher.iter(|| black_box(own())));
    group.bench_function("aws-sigv4", |bencher| bencher.iter(|| black_box(sigv4())));
    group.bench_function("rusty-s3", |bencher| bencher.iter(|| black_box(rusty())));
    group.bench_function("aws-sdk-s3", |bencher| bencher.iter(|| black_box(sdk())));
    group.finish();

    println!("\npresigned GET, {name}: median of 31 rounds of 500, taken in turn");
    let medians = interleaved_medians([&own, &sigv4, &rusty, &sdk]);
    for (signer, median) in ["access-broker", "aws-sigv4", "rusty-s3", "aws-sdk-s3"].iter().zip(medians) {
        println!("  {signer:<14} {:>8.3} µs  {:>6.2} x", median * 1e6, median / medians[0]);
    }
    println!();
}

/// Rounds in turn, so that a neighbour on the machine slows all of them alike.
fn interleaved_medians(signers: [&dyn Fn() -> String; 4]) -> [f64; 4] {
    let rounds: Vec<[f64; 4]> = (0..31)
        .map(|_| {
            signers.map(|sign| {
                let started = Instant::now();
                for _ in 0..500 {
                    black_box(sign());
                }
                started.elapsed().as_secs_f64() / 500.0
            })
        })
        .collect();
    std::array::from_fn(|signer| {
        let mut times: Vec<f64> = rounds.iter().map(|round| round[signer]).collect();
        times.sort_unstable_by(f64::total_cmp);
        times[times.len() / 2]
    })
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_784_375_103)
}

/// What the broker does per URL, `ObjectKey::parse` included.
fn own(credentials: &Credentials) -> impl Fn() -> String + use<> {
    let endpoint = BucketEndpoint::resolve(&EndpointSettings {
        s3_bucket: BUCKET.to_owned(),
        region: REGION.to_owned(),
        endpoint: None,
        addressing: Addressing::Automatic,
        dual_stack: false,
        fips: false,
    })
    .unwrap();
    let snapshot = CredentialsSnapshot::new(credentials.clone()).unwrap();
    move || {
        let key = ObjectKey::parse(black_box(KEY)).unwrap();
        let (query, headers) = ([QueryParameter::GET_OBJECT], SignedHeaders::new());
        let request = UnsignedRequest { method: HttpMethod::Get, key: &key, query: &query, headers: &headers };
        let signed_at = SigningTime::floor(black_box(now())).unwrap();
        let expires_in = ExpiresIn::floor(black_box(EXPIRES)).unwrap();
        presign(&endpoint, &snapshot, &request, signed_at, expires_in).into_string()
    }
}

fn sdk(credentials: &Credentials) -> impl Fn() -> String + use<> {
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(credentials.clone())
        .build();
    let client = aws_sdk_s3::Client::from_conf(config);
    let runtime: Runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    move || {
        let presigning = PresigningConfig::builder().start_time(black_box(now())).expires_in(EXPIRES).build().unwrap();
        let request = client.get_object().bucket(BUCKET).key(black_box(KEY));
        runtime.block_on(request.presigned(presigning)).unwrap().uri().to_owned()
    }
}

/// The signature alone: the URL is given encoded.
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
