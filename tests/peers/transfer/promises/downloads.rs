//! What is promised of downloads.

use std::time::Duration;

use access_broker::contract::proto::{IssueDownloadUrlRequest, IssueUploadUrlRequest};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use tokio::time::sleep;

use super::cell::Cell;
use super::table::Column;
use super::trial::Trial;
use crate::support::error_info;
use crate::transfer::clients::{HttpAnswer, HttpRequest};
use crate::transfer::fixture::{OVERRIDES, download, every_override, upload};

const CONTENT: &[u8] = b"<script>alert(1)</script>";
const KEY: &str = "downloads/page.html";

pub(super) async fn measure(trial: &mut Trial, column: &mut Column) {
    column.begin("Downloads");
    let html = IssueUploadUrlRequest { content_type: Some("text/html".to_owned()), ..upload(KEY) };
    trial.upload(html, CONTENT).await.unwrap();
    column.add("GET and HEAD answer the object", answers(trial).await);
    column.add("a part of the object is answered with 206", range(trial).await);
    column.add("response overrides on GET", overrides(trial, |[get, _]| get).await);
    column.add("response overrides on HEAD", overrides(trial, |[_, head]| head).await);
    column.add("forced attachment and content type", forced(trial).await);
    column.add("a stable URL, dated up to one hour back", stable(trial).await);
    column.add("a missing object is NOT_FOUND", missing(trial).await);
}

/// Last of all: it waits, and changes the bucket.
pub(super) async fn measure_late(trial: &mut Trial, column: &mut Column) {
    column.begin("Time and versions");
    column.add("an expired URL is refused", expiry(trial).await);
    column.add("pin_version reads the version that was there", versions(trial).await);
}

async fn answers(trial: &mut Trial) -> Result<Cell, Cell> {
    let [get, head] = trial.get_and_head(download(KEY)).await?;
    let length = CONTENT.len().to_string();
    Ok(Cell::kept(get.body == CONTENT && head.header("content-length") == Some(&length)))
}

async fn range(trial: &mut Trial) -> Result<Cell, Cell> {
    let get = HttpRequest::promised(&trial.fixture.get(download(KEY)).await).with_header("range", "bytes=1-6");
    let answer = trial.accepted(&get).await?;
    Ok(Cell::kept(answer.status == 206 && answer.body == b"script"))
}

async fn overrides(trial: &mut Trial, choose: fn([HttpAnswer; 2]) -> HttpAnswer) -> Result<Cell, Cell> {
    let request = IssueDownloadUrlRequest { response_overrides: Some(every_override()), ..download(KEY) };
    let answer = choose(trial.get_and_head(request).await?);
    Ok(Cell::kept(OVERRIDES.iter().all(|(name, value)| answer.header(name) == Some(value))))
}

async fn forced(trial: &mut Trial) -> Result<Cell, Cell> {
    let key = "harmless/page.html";
    let html = IssueUploadUrlRequest { content_type: Some("text/html".to_owned()), ..upload(key) };
    trial.upload(html, CONTENT).await?;
    let answers = trial.get_and_head(download(key)).await?;
    let is_harmless = |answer: &HttpAnswer| {
        answer.header("content-disposition") == Some("attachment")
            && answer.header("content-type") == Some("application/octet-stream")
    };
    Ok(Cell::kept(answers.iter().all(is_harmless)))
}

async fn stable(trial: &mut Trial) -> Result<Cell, Cell> {
    let [get, _] = trial.get_and_head(IssueDownloadUrlRequest { stable: true, ..download(KEY) }).await?;
    Ok(Cell::kept(get.body == CONTENT))
}

async fn missing(trial: &mut Trial) -> Result<Cell, Cell> {
    let request = IssueDownloadUrlRequest { must_exist: true, ..download("downloads/missing") };
    let refused = trial.fixture.caller.issue_download(request).await.unwrap_err();
    Ok(Cell::kept(error_info(&refused).reason == "OBJECT_NOT_FOUND"))
}

async fn expiry(trial: &mut Trial) -> Result<Cell, Cell> {
    let ttl = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    let get = trial.fixture.get(IssueDownloadUrlRequest { ttl, ..download(KEY) }).await;
    let put = trial.put(IssueUploadUrlRequest { ttl, ..upload("downloads/late") }, b"x").await;
    // The URL holds whole seconds, and a server may count the last one.
    sleep(Duration::from_secs(3)).await;
    let get = trial.send(&HttpRequest::promised(&get)).await;
    let put = trial.send(&put).await;
    let is_refused = |answer: &HttpAnswer| Cell::of_deviation(answer) == Cell::Refused;
    let is_stored = trial.stored("downloads/late").await.is_some();
    Ok(Cell::kept(is_refused(&get) && is_refused(&put) && !is_stored))
}

async fn versions(trial: &mut Trial) -> Result<Cell, Cell> {
    let key = "downloads/versions";
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let (sdk, bucket) = trial.sdk();
    let switched = sdk.put_bucket_versioning().bucket(bucket).versioning_configuration(enabled).send().await;
    if switched.is_err() {
        return Err(Cell::NoVersions);
    }
    trial.upload(upload(key), b"first").await?;
    let request = IssueDownloadUrlRequest { pin_version: true, ..download(key) };
    let Ok(issued) = trial.fixture.caller.issue_download(request).await else { return Ok(Cell::NotKept) };
    trial.upload(upload(key), b"second").await?;
    let get = trial.accepted(&HttpRequest::promised(&issued.get.unwrap())).await?;
    Ok(Cell::kept(get.body == b"first" && trial.holds(key, b"second").await))
}
