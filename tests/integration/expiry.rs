//! `expires_at` is true: held against an S3 server that ends URLs, sessions and keys when their time has come.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use access_broker::config::Config;
use access_broker::contract::proto::{ExpiryLimit, IssueDownloadUrlRequest, IssueDownloadUrlResponse};
use access_broker::server::{RunningServer, StartOptions};
use access_broker_base::clock::Clock;
use access_broker_base::document::Overrides;
use access_broker_dev::{AccessKey, EmbeddedIssuer, EmbeddedIssuerOptions, EmbeddedS3, EmbeddedS3Options, Session};
use access_broker_identity::PlainHttp;
use reqwest::StatusCode;
use tempfile::TempDir;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::support::broker::{bucket, credentials_in_files, issuer_with_keys};
use crate::support::{
    Builder, Client, ISSUER, PATIENCE, capture_logs, error_info, http_request, replace, start_server,
};

const POLICY: &str = r#"
tier = [{ name = "all", bucket = "media", prefix = "", download = { max_ttl = "1h", stable_window = "30m" } }]
grant = [{ tiers = "all", operations = "download", to = { authenticated = true } }]
"#;

const CONTENT: &[u8] = b"picture";

/// A clock that the test sets.
#[derive(Debug, Clone)]
struct SetClock(Arc<Mutex<SystemTime>>);

impl SetClock {
    fn at(now: SystemTime) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for SetClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

/// A broker with session credentials from files, and the S3 server that knows these sessions.
struct World {
    folder: TempDir,
    clock: SetClock,
    issuer: EmbeddedIssuer,
    broker: RunningServer,
    _s3: EmbeddedS3,
}

/// Names the sessions of a test: each is a key with its token and its end.
fn sessions(ends: &[SystemTime]) -> Vec<AccessKey> {
    let key = |(index, expires_at): (usize, &SystemTime)| AccessKey {
        id: format!("ASIASESSION{index}"),
        secret: format!("secret-{index}"),
        session: Some(Session { token: format!("session-token-{index}"), expires_at: *expires_at }),
    };
    ends.iter().enumerate().map(key).collect()
}

fn hand_out(folder: &Path, key: &AccessKey) {
    let session = key.session.as_ref().unwrap();
    let end = humantime::format_rfc3339_seconds(session.expires_at).to_string();
    for (name, value) in [("id", &key.id), ("key", &key.secret), ("token", &session.token), ("end", &end)] {
        replace(&folder.join(name), value);
    }
}

impl World {
    /// Begins with the first of the sessions.
    async fn start(now: SystemTime, keys: &[AccessKey]) -> Self {
        capture_logs();
        let folder = tempfile::tempdir().unwrap();
        let clock = SetClock::at(now);
        hand_out(folder.path(), &keys[0]);
        fs::create_dir_all(folder.path().join("objects/media")).unwrap();
        fs::write(folder.path().join("objects/media/a"), CONTENT).unwrap();
        let free = "127.0.0.1:0".parse().unwrap();
        let s3 = EmbeddedS3::start(EmbeddedS3Options {
            address: free,
            data_dir: folder.path().join("objects"),
            keys: keys.to_vec(),
            bucket: "media".to_owned(),
            region: Some("us-east-1".to_owned()),
            owner: None,
            requester_pays: false,
        })
        .await
        .unwrap();
        let options = EmbeddedIssuerOptions { address: free, clock: Arc::new(clock.clone()) };
        let issuer = EmbeddedIssuer::start(options).await.unwrap();
        let credentials = credentials_in_files("id", "key");
        let credentials = credentials.set("session_token_file", "token").set("expiration_file", "end");
        let bucket = bucket().set("s3_bucket", "media").set("region", "us-east-1").set("endpoint", s3.url());
        Builder::new()
            .audit("output = \"none\"")
            .issuer(issuer_with_keys(ISSUER, "jwks.json"))
            .file("jwks.json", issuer.jwks().to_string())
            .bucket(bucket.set("unsigned_headers", "refused"))
            .credentials([credentials])
            .policy(POLICY)
            .write_files(folder.path());
        let path = folder.path().join("broker.toml");
        let config = Config::load(&path, Overrides::new(), PlainHttp::Refused).unwrap();
        let options = StartOptions { clock: Arc::new(clock.clone()), ..StartOptions::system() };
        let broker = start_server(config, options).await.unwrap();
        tokio::time::timeout(PATIENCE, broker.ready()).await.unwrap();
        Self { folder, clock, issuer, broker, _s3: s3 }
    }

    async fn ask(&self, request: IssueDownloadUrlRequest) -> Result<IssueDownloadUrlResponse, Status> {
        let exp = self.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + 3_600;
        let claims = serde_json::json!({ "iss": "https://issuer.example", "aud": "broker", "sub": "x", "exp": exp });
        let authorization = format!("Bearer {}", self.issuer.sign_claims(&claims).unwrap());
        let client = Client::connect(self.broker.grpc_addr().unwrap(), &[&authorization]).await;
        client.issue_download(IssueDownloadUrlRequest { key: "a".to_owned(), ..request }).await
    }
}

fn lasting(seconds: i64) -> IssueDownloadUrlRequest {
    let ttl = Some(prost_types::Duration { seconds, nanos: 0 });
    IssueDownloadUrlRequest { ttl, ..IssueDownloadUrlRequest::default() }
}

async fn get(answer: &IssueDownloadUrlResponse) -> StatusCode {
    let signed = answer.get.as_ref().unwrap();
    http_request(&reqwest::Client::new(), signed).send().await.unwrap().status()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The broker's clock is late, so that a URL that it cuts to a minute ends within seconds of the server's.
#[tokio::test]
async fn a_url_that_credentials_cut_works_until_its_stated_end_and_no_longer() {
    let real = SystemTime::now();
    let world = World::start(real - seconds(57), &sessions(&[real + seconds(36)])).await;
    let answer = world.ask(lasting(900)).await.unwrap();
    assert_eq!(answer.expiry_limited_by(), ExpiryLimit::SigningCredentialsExpiry);
    let expires_at = SystemTime::try_from(answer.expires_at.unwrap()).unwrap();
    assert!(expires_at <= real + seconds(36) - seconds(30));
    assert_eq!(get(&answer).await, StatusCode::OK);
    let left = expires_at.duration_since(SystemTime::now()).unwrap_or_default();
    // The embedded S3 counts whole seconds, so that the last one may still work.
    tokio::time::sleep(left + Duration::from_millis(1_100)).await;
    assert_eq!(get(&answer).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn credentials_that_are_about_to_end_give_an_error_and_not_a_dying_url() {
    let real = SystemTime::now();
    let world = World::start(real, &sessions(&[real + seconds(85)])).await;
    let refused = world.ask(lasting(900)).await.unwrap_err();
    assert_eq!(
        (refused.code(), error_info(&refused).reason.as_str()),
        (Code::Unavailable, "SIGNING_CREDENTIALS_UNAVAILABLE")
    );
    assert!(refused.get_details_retry_info().unwrap().retry_delay.is_some());
    // What fits into their rest is given.
    let answer = world.ask(lasting(30)).await.unwrap();
    assert_eq!(answer.expiry_limited_by(), ExpiryLimit::RequestedTtl);
    assert_eq!(get(&answer).await, StatusCode::OK);
}

#[tokio::test]
async fn whoever_insists_on_the_full_life_gets_it_from_fresh_credentials_or_hears_what_there_is() {
    let real = SystemTime::now();
    let keys = sessions(&[real + seconds(600), real + seconds(9_000)]);
    let world = World::start(real, &keys).await;
    let insisting = || IssueDownloadUrlRequest { require_full_ttl: true, ..lasting(3_600) };
    world.clock.advance(seconds(11));
    let refused = world.ask(insisting()).await.unwrap_err();
    assert_eq!(
        (refused.code(), error_info(&refused).reason.as_str()),
        (Code::FailedPrecondition, "FULL_TTL_NOT_AVAILABLE")
    );
    let available: u64 = error_info(&refused).metadata["availableTtlSeconds"].parse().unwrap();
    assert!((550..=559).contains(&available), "{available}");

    hand_out(world.folder.path(), &keys[1]);
    world.clock.advance(seconds(11));
    let answer = world.ask(insisting()).await.unwrap();
    assert_eq!(answer.expiry_limited_by(), ExpiryLimit::RequestedTtl);
    assert!(answer.get.as_ref().unwrap().url.contains("ASIASESSION1"));
    assert_eq!(get(&answer).await, StatusCode::OK);
}

#[tokio::test]
async fn a_stable_url_survives_the_renewal_of_the_credentials_that_signed_it() {
    let real = SystemTime::now();
    // The start of a window, so that advancing the clock stays within it.
    let since_epoch = real.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let start = SystemTime::UNIX_EPOCH + seconds(since_epoch - since_epoch % 1_800);
    let keys = sessions(&[start + seconds(3_000), start + seconds(20_000)]);
    let world = World::start(start, &keys).await;
    let stable = || IssueDownloadUrlRequest { stable: true, ..lasting(60) };
    let first = world.ask(stable()).await.unwrap();
    hand_out(world.folder.path(), &keys[1]);
    world.clock.advance(seconds(11));
    let renewed = world.ask(IssueDownloadUrlRequest { require_full_ttl: true, ..lasting(3_600) }).await.unwrap();
    assert!(renewed.get.unwrap().url.contains("ASIASESSION1"));

    let again = world.ask(stable()).await.unwrap();
    assert_eq!((&again.get, again.expires_at), (&first.get, first.expires_at));
    assert!(again.get.as_ref().unwrap().url.contains("ASIASESSION0"));
    world.clock.advance(seconds(1_800));
    let next = world.ask(stable()).await.unwrap();
    assert!(next.get.unwrap().url.contains("ASIASESSION1"));
}
