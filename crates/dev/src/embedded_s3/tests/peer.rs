//! A server with the samples, and clients that use its URLs.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::{Client, Config};
use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::super::{AccessKey, EmbeddedS3, EmbeddedS3Options, Engine, STANDARD, generate_key_pair};
use crate::seed;

pub(super) const BUCKET: &str = "media";

/// A server with the samples, and a client of AWS's SDK that signs for it.
pub(super) struct Peer {
    pub(super) folder: TempDir,
    pub(super) server: EmbeddedS3,
    pub(super) sdk: Client,
    pub(super) http: reqwest::Client,
}

impl Peer {
    pub(super) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub(super) async fn start_in(folder: TempDir) -> Self {
        Self::launch(folder, |_| ()).await
    }

    /// Starts with other options. The client signs with the first key.
    pub(super) async fn start_with(change: impl FnOnce(&mut EmbeddedS3Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        seed(folder.path(), BUCKET).await.unwrap();
        Self::launch(folder, change).await
    }

    async fn launch(folder: TempDir, change: impl FnOnce(&mut EmbeddedS3Options)) -> Self {
        let mut options = options(folder.path());
        change(&mut options);
        let key = options.keys.first().unwrap().clone();
        let region = options.region.clone().unwrap_or_else(|| "us-east-1".to_owned());
        let server = EmbeddedS3::start(options).await.unwrap();
        let token = key.session.map(|session| session.token);
        let sdk = client(&server, Credentials::new(key.id, key.secret, token, None, "test"), region);
        Self { folder, server, sdk, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    pub(super) fn get(&self, key: &str) -> GetObjectFluentBuilder {
        self.sdk.get_object().bucket(BUCKET).key(key)
    }

    pub(super) fn put(&self, key: &str) -> PutObjectFluentBuilder {
        self.sdk.put_object().bucket(BUCKET).key(key)
    }

    /// Sends a presigned request with exactly its headers.
    pub(super) async fn send(&self, request: &PresignedRequest, body: impl Into<reqwest::Body>) -> Answer {
        let mut sent = self.http.request(request.method().parse().unwrap(), request.uri()).body(body);
        for (name, value) in request.headers() {
            sent = sent.header(name, value);
        }
        Answer::read(sent).await
    }

    /// Sends a GET of this URL without further headers.
    pub(super) async fn fetch(&self, uri: impl reqwest::IntoUrl) -> Answer {
        Answer::read(self.http.get(uri)).await
    }

    pub(super) async fn send_unsigned(&self, method: Method, path: &str) -> Answer {
        Answer::read(self.http.request(method, format!("{}{path}", self.server.url()))).await
    }

    /// Sends a GET with exactly this request target: an HTTP client may resolve dots in it.
    pub(super) async fn raw_status_line(&self, uri: &str) -> String {
        let target = uri.strip_prefix(&self.server.url()).unwrap();
        let mut stream = TcpStream::connect(self.server.local_addr()).await.unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nhost: {}\r\n\r\n", self.server.local_addr());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await.unwrap();
        line
    }
}

/// One permanent key, any region, no owner.
pub(super) fn options(data_dir: &Path) -> EmbeddedS3Options {
    let (id, secret) = generate_key_pair().unwrap();
    EmbeddedS3Options {
        address: (Ipv4Addr::LOCALHOST, 0).into(),
        data_dir: data_dir.to_owned(),
        keys: vec![AccessKey { id, secret, session: None }],
        bucket: BUCKET.to_owned(),
        region: None,
        owner: None,
        requester_pays: false,
    }
}

/// A client that signs with these credentials.
pub(super) fn client(server: &EmbeddedS3, credentials: Credentials, region: String) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(credentials)
        .region(Region::new(region))
        .endpoint_url(server.url())
        .force_path_style(true);
    Client::from_conf(config.build())
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) async fn read(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap() }
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The `Code` of an S3 error.
    pub(super) fn code(&self) -> &str {
        let body = str::from_utf8(&self.body).unwrap();
        body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("", |(code, _)| code)
    }
}

pub(super) fn an_hour() -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_hours(1)).unwrap()
}

pub(super) fn base64_sha256(content: &[u8]) -> String {
    STANDARD.encode(digest(&SHA256, content))
}
