//! A broker in front of an S3 server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use access_broker::config::Config;
use access_broker::contract::proto::{
    IssueDownloadUrlRequest, IssueUploadUrlRequest, ResponseOverrides, SignedRequest,
};
use access_broker::server::{RunningServer, StartOptions};
use access_broker_base::clock::SystemClock;
use access_broker_base::document::Overrides;
use access_broker_dev::{CLIENT_ID, EmbeddedIssuer, EmbeddedIssuerOptions};
use access_broker_identity::PlainHttp;

use super::clients::{HttpAnswer, HttpClient, HttpRequest};
use super::servers::{
    ACCESS_KEY_ID, BUCKET, Peer, REGION, S3Server, SECRET_ACCESS_KEY, WRITER_ACCESS_KEY_ID, WRITER_SECRET_ACCESS_KEY,
};
use tokio::time;

use crate::support::{Broker, Builder, Client, PATIENCE, Part, capture_logs, end_line, folder, secrets, start_server};

/// Tiers for everything that a URL can hold. `user-two` uploads nothing.
pub(super) const POLICY: &str = include_str!("fixture/policy.toml");

/// What a broker is told.
pub(super) struct Settings<'a> {
    pub(super) policy: &'a str,
    /// Where the bucket is. `None`: at the server.
    pub(super) endpoint: Option<&'a str>,
    /// The real bucket. `None`: that of the server.
    pub(super) s3_bucket: Option<&'a str>,
    /// What `[[bucket]]` says of the server, unless `bucket` does.
    pub(super) server: &'a str,
    /// More of `[[bucket]]`.
    pub(super) bucket: &'a str,
    /// The name of the key pair that signs.
    pub(super) access_key_id: &'a str,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        let server = Peer::Embedded.settings();
        Self { policy: POLICY, endpoint: None, s3_bucket: None, server, bucket: "", access_key_id: ACCESS_KEY_ID }
    }
}

/// A broker, its issuer, and the server. A test ends with [`Fixture::finish`].
#[must_use = "`finish` checks the log"]
pub(super) struct Fixture<S = S3Server> {
    pub(super) s3: S,
    /// Whoever may upload.
    pub(super) caller: Client,
    address: SocketAddr,
    issuer: EmbeddedIssuer,
    broker: Option<RunningServer>,
}

impl Fixture {
    pub(super) async fn on(peer: Peer) -> Self {
        let s3 = S3Server::start(peer).await;
        Box::pin(Self::with(s3, Settings::default())).await
    }

    pub(super) async fn embedded() -> Self {
        Self::with(S3Server::embedded(|_| {}).await, Settings::default()).await
    }

    pub(super) async fn with(s3: S3Server, settings: Settings<'_>) -> Self {
        let (endpoint, s3_bucket) = (settings.endpoint.unwrap_or(&s3.url).to_owned(), s3.bucket.clone());
        let s3_bucket = Some(settings.s3_bucket.unwrap_or(&s3_bucket));
        let server = s3.peer.settings();
        Fixture::before(s3, &endpoint, Settings { s3_bucket, server, ..settings }).await
    }

    /// What is stored under a key, as a plain download tells it.
    pub(super) async fn stored(&self, key: &str) -> Option<HttpAnswer> {
        let get = self.get(download(key)).await;
        let answer = HttpClient::reqwest().send(&HttpRequest::promised(&get)).await;
        (answer.status != 404).then(|| answer.expect_success(key))
    }
}

impl<S> Fixture<S> {
    /// A broker whose bucket is at an endpoint, whatever is there.
    pub(super) async fn before(s3: S, endpoint: &str, settings: Settings<'_>) -> Self {
        let (broker, issuer) = start(endpoint, &settings).await.unwrap();
        time::timeout(PATIENCE, broker.ready()).await.unwrap();
        let address = broker.grpc_addr().unwrap();
        let caller = client(address, &issuer, "user-one").await;
        Self { s3, caller, address, issuer, broker: Some(broker) }
    }

    /// Whoever may only download.
    pub(super) async fn reader(&self) -> Client {
        client(self.address, &self.issuer, "user-two").await
    }

    /// Stops the broker, and checks its log for secrets.
    pub(super) async fn finish(mut self) {
        self.broker.take().unwrap().stop().await;
        secrets::assert_log_has_no_secrets();
        for secret in [SECRET_ACCESS_KEY, WRITER_SECRET_ACCESS_KEY] {
            assert!(!secrets::log().contains(secret), "the log shows a secret access key");
        }
    }

    pub(super) async fn get(&self, request: IssueDownloadUrlRequest) -> SignedRequest {
        self.caller.issue_download(request).await.unwrap().get.unwrap()
    }

    pub(super) async fn put(&self, request: IssueUploadUrlRequest) -> SignedRequest {
        self.caller.issue_upload(request).await.unwrap().put.unwrap()
    }

    /// Uploads as promised.
    pub(super) async fn upload(&self, request: IssueUploadUrlRequest, content: &[u8]) -> HttpAnswer {
        let key = request.key.clone();
        let put = HttpRequest::promised(&self.put(request).await).with_body(content);
        HttpClient::reqwest().send(&put).await.expect_success(&key)
    }
}

impl<S> Drop for Fixture<S> {
    fn drop(&mut self) {
        end_line(self.broker.is_none());
    }
}

/// Asks for nothing but the object.
pub(super) fn download(key: &str) -> IssueDownloadUrlRequest {
    IssueDownloadUrlRequest { key: key.to_owned(), ..IssueDownloadUrlRequest::default() }
}

/// A value for every header that a download can have replaced.
pub(super) const OVERRIDES: [(&str, &str); 6] = [
    ("cache-control", "private, max-age=60"),
    ("content-disposition", "inline; filename=\"a;b.html\""),
    ("content-encoding", "identity"),
    ("content-language", "de-CH, en"),
    ("content-type", "text/plain; charset=utf-8"),
    ("expires", "Fri, 24 May 2030 00:00:00 GMT"),
];

/// All of them at once.
pub(super) fn every_override() -> ResponseOverrides {
    let [cache_control, content_disposition, content_encoding, content_language, content_type, expires] =
        OVERRIDES.map(|(_, value)| Some(value.to_owned()));
    ResponseOverrides {
        cache_control,
        content_disposition,
        content_encoding,
        content_language,
        content_type,
        expires,
        disposition: None,
    }
}

/// Promises nothing but the object.
pub(super) fn upload(key: &str) -> IssueUploadUrlRequest {
    IssueUploadUrlRequest { key: key.to_owned(), ..IssueUploadUrlRequest::default() }
}

/// Starts a broker whose bucket is at an endpoint, and its issuer. The error is the one that the program prints.
pub(super) async fn start(endpoint: &str, settings: &Settings<'_>) -> Result<(RunningServer, EmbeddedIssuer), String> {
    capture_logs();
    let folder = folder();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let clock = Arc::new(SystemClock);
    let issuer = EmbeddedIssuer::start(EmbeddedIssuerOptions { address, clock }).await.unwrap();
    builder(issuer.issuer(), endpoint, settings).write_files(folder.path());
    let config = Config::load(&folder.path().join("broker.toml"), Overrides::new(), PlainHttp::OnLoopback);
    let access_key_id = settings.access_key_id.to_owned();
    let options = StartOptions {
        environment: Arc::new(move |name| match name {
            "ID" => Some(access_key_id.clone()),
            "KEY" => Some(SECRET_ACCESS_KEY.to_owned()),
            "WRITER_ID" => Some(WRITER_ACCESS_KEY_ID.to_owned()),
            "WRITER_KEY" => Some(WRITER_SECRET_ACCESS_KEY.to_owned()),
            _ => None,
        }),
        ..StartOptions::system()
    };
    let started = start_server(config.unwrap(), options).await;
    started.map(|broker| (broker, issuer)).map_err(|error| format!("{error:#}"))
}

async fn client(address: SocketAddr, issuer: &EmbeddedIssuer, user: &str) -> Client {
    let token = issuer.issue(user, Duration::from_mins(10)).unwrap().id_token;
    Client::connect(address, &[&format!("Bearer {token}")]).await
}

fn builder(issuer: &str, endpoint: &str, settings: &Settings<'_>) -> Builder {
    let says_more = ["unsigned_headers", "upload_credentials"].iter().any(|setting| settings.bucket.contains(setting));
    let server = if says_more { "" } else { settings.server };
    let issuer = Part::default()
        .set("issuer", issuer)
        .set("preset", "cognito")
        .set("audiences", vec![CLIENT_ID])
        .set("jwks_url", format!("{issuer}/.well-known/jwks.json"));
    let signer = Part::default().set("name", "s3").set("access_key_id_env", "ID").set("secret_access_key_env", "KEY");
    let bucket = Part::default()
        .set("name", BUCKET)
        .set("s3_bucket", settings.s3_bucket.unwrap_or(BUCKET))
        .set("region", REGION)
        .set("endpoint", endpoint)
        .set("credentials", "s3")
        .with(server)
        .with(settings.bucket);
    Broker::builder()
        .table("server", "reflection = false\ns3_timeout = \"2s\"")
        .audit("output = \"none\"")
        .issuer(issuer)
        .bucket(bucket)
        .credentials([signer].into_iter().chain(settings.bucket.contains("upload_credentials").then(writer)))
        .policy(settings.policy)
}

/// The credentials of uploads, where they have their own.
fn writer() -> Part {
    let writer = Part::default().set("name", "writer").set("access_key_id_env", "WRITER_ID");
    writer.set("secret_access_key_env", "WRITER_KEY")
}
