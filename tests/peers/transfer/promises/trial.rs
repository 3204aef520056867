//! A broker and a server, and one client that keeps to what was promised or does not.

use std::fs;
use std::path::{Path, PathBuf};

use access_broker::contract::proto::{IssueDownloadUrlRequest, IssueUploadUrlRequest};
use aws_sdk_s3::Client as SdkClient;

use super::cell::Cell;
use crate::transfer::clients::{HttpAnswer, HttpClient, HttpRequest};
use crate::transfer::fixture::{Fixture, Settings, download};
use crate::transfer::servers::{
    ACCESS_KEY_ID, Peer, S3Server, SECRET_ACCESS_KEY, WRITER_ACCESS_KEY_ID, WRITER_SECRET_ACCESS_KEY,
};

/// Tiers for what a URL can be made to have.
pub(super) const POLICY: &str = include_str!("policy.toml");

/// More of `[[bucket]]` for uploads that are signed by a key which cannot read.
pub(super) const WRITER: &str = "etag_form = \"bare\"\nupload_credentials = \"writer\"";

pub(super) struct Trial {
    pub(super) fixture: Fixture,
    client: HttpClient,
    /// The key pair of the broker that signs uploads.
    uploader: (&'static str, &'static str),
}

impl Trial {
    /// `bucket` is more of `[[bucket]]`.
    pub(super) async fn start(peer: Peer, bucket: &str) -> Self {
        let s3 = S3Server::start(peer).await;
        let settings = Settings { policy: POLICY, bucket, ..Settings::default() };
        let fixture = Box::pin(Fixture::with(s3, settings)).await;
        let uploader = if bucket.contains("upload_credentials") {
            (WRITER_ACCESS_KEY_ID, WRITER_SECRET_ACCESS_KEY)
        } else {
            (ACCESS_KEY_ID, SECRET_ACCESS_KEY)
        };
        Self { fixture, client: HttpClient::reqwest(), uploader }
    }

    /// AWS's client, with the key pair that may do everything, and the bucket.
    pub(super) fn sdk(&self) -> (SdkClient, &str) {
        (self.fixture.s3.sdk(), &self.fixture.s3.bucket)
    }

    /// AWS's client with the key pair that signs uploads.
    pub(super) fn uploading_sdk(&self) -> SdkClient {
        self.fixture.s3.sdk_of(self.uploader.0, self.uploader.1)
    }

    pub(super) async fn send(&mut self, request: &HttpRequest) -> HttpAnswer {
        self.client.send(request).await
    }

    /// Sends what was promised. An error is an answer that says no.
    pub(super) async fn accepted(&mut self, request: &HttpRequest) -> Result<HttpAnswer, Cell> {
        let answer = self.send(request).await;
        if (200..300).contains(&answer.status) { Ok(answer) } else { Err(Cell::Error(answer.status)) }
    }

    /// What the broker promises for an upload.
    pub(super) async fn put(&self, request: IssueUploadUrlRequest, content: &[u8]) -> HttpRequest {
        HttpRequest::promised(&self.fixture.put(request).await).with_body(content)
    }

    /// Uploads as promised.
    pub(super) async fn upload(&mut self, request: IssueUploadUrlRequest, content: &[u8]) -> Result<HttpAnswer, Cell> {
        let put = self.put(request, content).await;
        self.accepted(&put).await
    }

    /// Downloads as promised, by GET and by HEAD.
    pub(super) async fn get_and_head(&mut self, request: IssueDownloadUrlRequest) -> Result<[HttpAnswer; 2], Cell> {
        let issued = self.fixture.caller.issue_download(request).await.unwrap();
        let get = self.accepted(&HttpRequest::promised(&issued.get.unwrap())).await?;
        let head = self.accepted(&HttpRequest::promised(&issued.head.unwrap())).await?;
        Ok([get, head])
    }

    /// What is stored under a key, as a plain download tells it.
    pub(super) async fn stored(&mut self, key: &str) -> Option<HttpAnswer> {
        let get = HttpRequest::promised(&self.fixture.get(download(key)).await);
        let answer = self.send(&get).await;
        assert!(matches!(answer.status, 200..300 | 404), "{key}: {}", answer.status);
        (answer.status != 404).then_some(answer)
    }

    /// Whether the stored content is this.
    pub(super) async fn holds(&mut self, key: &str, content: &[u8]) -> bool {
        self.stored(key).await.is_some_and(|answer| answer.body == content)
    }

    /// Whether an upload stores headers that were promised.
    pub(super) async fn stores(
        &mut self,
        request: IssueUploadUrlRequest,
        headers: &[(&str, &str)],
    ) -> Result<Cell, Cell> {
        let key = request.key.clone();
        self.upload(request, b"x").await?;
        let stored = self.stored(&key).await;
        let has = |(name, value): &(&str, &str)| stored.as_ref().is_some_and(|it| it.header(name) == Some(value));
        Ok(Cell::kept(headers.iter().all(has)))
    }

    /// Whether anybody can read an object without a signature.
    pub(super) async fn is_public(&mut self, key: &str) -> bool {
        let url = format!("{}/{}/{key}", self.fixture.s3.url, self.fixture.s3.bucket);
        let get = HttpRequest { method: "GET".to_owned(), url, headers: [].into(), body: None };
        self.send(&get).await.status == 200
    }

    /// The tags of an object. `None` where the server has none to tell.
    pub(super) async fn tags(&self, key: &str) -> Option<Vec<(String, String)>> {
        let (sdk, bucket) = self.sdk();
        let answer = sdk.get_object_tagging().bucket(bucket).key(key).send().await.ok()?;
        let mut tags: Vec<_> =
            answer.tag_set().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
        tags.sort_unstable();
        Some(tags)
    }

    /// Gives the bucket a policy that is written for `example-scans`.
    pub(super) async fn set_bucket_policy(&self, policy: &str) {
        let (sdk, bucket) = self.sdk();
        let policy = policy.replace("example-scans", bucket);
        sdk.put_bucket_policy().bucket(bucket).policy(policy).send().await.unwrap();
    }

    /// Whether a file of the server holds these bytes. `None` where it keeps nothing on the disk.
    pub(super) fn disk_shows(&self, bytes: &[u8]) -> Option<bool> {
        let data = self.fixture.s3.data.as_ref()?;
        Some(files_under(data).iter().any(|file| {
            // Some come and go.
            let content = fs::read(file).unwrap_or_default();
            content.windows(bytes.len()).any(|window| window == bytes)
        }))
    }

    /// Puts an object there without the broker.
    pub(super) async fn plant(&self, bucket: &str, key: &str, content: &[u8]) {
        let body = content.to_vec().into();
        self.fixture.s3.sdk().put_object().bucket(bucket).key(key).body(body).send().await.unwrap();
    }
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.into_iter().chain(folders.iter().flat_map(|folder| files_under(folder))).collect()
}
