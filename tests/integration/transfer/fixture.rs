//! A broker in front of an S3 server.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use access_broker::clock::SystemClock;
use access_broker::config::Config;
use access_broker::dev::{CLIENT_ID, EmbeddedIssuer, EmbeddedIssuerOptions};
use access_broker::document::Overrides;
use access_broker::grpc::proto::{IssueDownloadUrlRequest, IssueUploadUrlRequest, SignedRequest};
use access_broker::identity::PlainHttp;
use access_broker::server::{RunningServer, Surroundings};

use super::clients::{HttpAnswer, HttpClient, HttpRequest};
use super::servers::{ACCESS_KEY_ID, BUCKET, Peer, REGION, S3Server, SECRET_ACCESS_KEY};
use crate::support::{Client, capture_logs, folder, secrets};

/// Tiers for everything that a URL can hold. `user-two` uploads nothing.
pub(super) const POLICY: &str = include_str!("fixture/policy.toml");

/// What a broker is told.
pub(super) struct Settings<'a> {
    pub(super) policy: &'a str,
    /// Where the bucket is. `None`: at the server.
    pub(super) endpoint: Option<&'a str>,
    /// More of `[[bucket]]`.
    pub(super) bucket: &'a str,
    /// The name of the key pair that signs.
    pub(super) access_key_id: &'a str,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self { policy: POLICY, endpoint: None, bucket: "", access_key_id: ACCESS_KEY_ID }
    }
}

/// A broker, its issuer, and the server. Its end searches the log for secrets.
pub(super) struct Fixture<S = S3Server> {
    pub(super) s3: S,
    /// Whoever may upload.
    pub(super) caller: Client,
    address: SocketAddr,
    issuer: EmbeddedIssuer,
    _broker: RunningServer,
}

impl Fixture {
    /// `None` where the server is not installed.
    pub(super) async fn on(peer: Peer) -> Option<Self> {
        let s3 = S3Server::start(peer).await?;
        Some(Box::pin(Self::with(s3, Settings::default())).await)
    }

    pub(super) async fn embedded() -> Self {
        Self::with(S3Server::embedded(|_| {}).await, Settings::default()).await
    }

    pub(super) async fn with(s3: S3Server, settings: Settings<'_>) -> Self {
        let endpoint = settings.endpoint.unwrap_or(&s3.url).to_owned();
        Fixture::before(s3, &endpoint, settings).await
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
        capture_logs();
        let folder = folder();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let clock = Arc::new(SystemClock);
        let issuer = EmbeddedIssuer::start(EmbeddedIssuerOptions { address, clock }).await.unwrap();
        fs::write(folder.path().join("policy.toml"), settings.policy).unwrap();
        let text = broker_toml(issuer.issuer(), endpoint, settings.bucket);
        let config = Config::parse("test.toml", &text, folder.path(), Overrides::new(), PlainHttp::OnLoopback);
        let access_key_id = settings.access_key_id.to_owned();
        let surroundings = Surroundings {
            environment: Arc::new(move |name| match name {
                "ID" => Some(access_key_id.clone()),
                "KEY" => Some(SECRET_ACCESS_KEY.to_owned()),
                _ => None,
            }),
            ..Surroundings::system()
        };
        let broker = RunningServer::start(config.unwrap(), surroundings).await.unwrap();
        broker.ready().await;
        let address = broker.grpc_addr().unwrap();
        let caller = client(address, &issuer, "user-one").await;
        Self { s3, caller, address, issuer, _broker: broker }
    }

    /// Whoever may only download.
    pub(super) async fn reader(&self) -> Client {
        client(self.address, &self.issuer, "user-two").await
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
        if !std::thread::panicking() {
            secrets::assert_log_has_no_secrets();
            assert!(!secrets::log().contains(SECRET_ACCESS_KEY), "the log shows the secret access key");
        }
    }
}

/// Asks for nothing but the object.
pub(super) fn download(key: &str) -> IssueDownloadUrlRequest {
    IssueDownloadUrlRequest { key: key.to_owned(), ..IssueDownloadUrlRequest::default() }
}

/// Promises nothing but the object.
pub(super) fn upload(key: &str) -> IssueUploadUrlRequest {
    IssueUploadUrlRequest { key: key.to_owned(), ..IssueUploadUrlRequest::default() }
}

async fn client(address: SocketAddr, issuer: &EmbeddedIssuer, user: &str) -> Client {
    let token = issuer.issue(user, Duration::from_mins(10)).unwrap().id_token;
    Client::connect(address, &[&format!("Bearer {token}")]).await
}

fn broker_toml(issuer: &str, endpoint: &str, bucket: &str) -> String {
    format!(
        r#"
[server]
grpc_addr = "127.0.0.1:0"
admin_addr = "127.0.0.1:0"
reflection = false
s3_timeout = "2s"
drain_delay = "0s"

[audit]
output = "none"

[policy]
file = "policy.toml"

[[issuer]]
issuer = "{issuer}"
preset = "cognito"
audiences = ["{CLIENT_ID}"]
jwks_url = "{issuer}/.well-known/jwks.json"

[[credentials]]
name = "s3"
access_key_id_env = "ID"
secret_access_key_env = "KEY"

[[bucket]]
name = "{BUCKET}"
s3_bucket = "{BUCKET}"
region = "{REGION}"
endpoint = "{endpoint}"
credentials = "s3"
{bucket}
"#
    )
}
