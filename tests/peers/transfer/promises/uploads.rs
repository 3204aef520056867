//! What is promised of uploads.

use std::time::Duration;

use access_broker::contract::proto::{IssueUploadUrlRequest, VerifyUploadRequest};
use access_broker_policy::ChecksumAlgorithm;
use aws_sdk_s3::presigning::PresigningConfig;
use uuid::Uuid;

use super::cell::Cell;
use super::table::Column;
use super::trial::Trial;
use crate::transfer::checksums::checksum;
use crate::transfer::clients::HttpRequest;
use crate::transfer::fixture::upload;

const CONTENT: &[u8] = b"promised";

/// As long, and something else.
const OTHER_CONTENT: &[u8] = b"promisex";

pub(super) async fn measure(trial: &mut Trial, column: &mut Column) {
    column.begin("Uploads");
    column.add("exact length", length(trial).await);
    column.add("content type", content_type(trial).await);
    column.add("create only (`If-None-Match: *`)", create_only(trial).await);
    column.add("`If-Match` with the ETag in quotes", if_match(trial, |tag| format!("\"{tag}\"")).await);
    column.add("`If-Match` with the bare ETag", if_match(trial, str::to_owned).await);
    for (row, algorithm) in [
        ("checksum: md5", ChecksumAlgorithm::Md5),
        ("checksum: crc32", ChecksumAlgorithm::Crc32),
        ("checksum: crc32c", ChecksumAlgorithm::Crc32c),
        ("checksum: crc64nvme", ChecksumAlgorithm::Crc64Nvme),
        ("checksum: sha1", ChecksumAlgorithm::Sha1),
        ("checksum: sha256", ChecksumAlgorithm::Sha256),
    ] {
        column.add(row, holds_to_checksum(trial, algorithm).await);
    }
    column.add("content headers (disposition, encoding, cache) are stored", content_headers(trial).await);
    column.add("metadata is stored", metadata(trial, "a.b-c1").await);
    column.add("metadata is stored whose name has a `_`", metadata(trial, "a_b").await);
    column.add("a recorded decision is read back", decision(trial).await);
    column.add("tags are stored", tags(trial).await);
    column.add("the storage class is given back", storage_class(trial).await);
    column.add("encryption with AES256 is given back", encryption(trial).await);
    column.add("encryption with AES256 is done: the disk does not show the content", encrypted(trial).await);
}

async fn length(trial: &mut Trial) -> Result<Cell, Cell> {
    let promise = IssueUploadUrlRequest { content_length: Some(CONTENT.len() as u64), ..upload("uploads/length") };
    let put = trial.put(promise, CONTENT).await.without_header("content-length");
    for content in [&b"promised!"[..], b"promise"] {
        let answer = trial.send(&put.clone().with_body(content)).await;
        if Cell::of_deviation(&answer) != Cell::Refused || trial.stored("uploads/length").await.is_some() {
            return Ok(Cell::NotKept);
        }
    }
    trial.accepted(&put).await?;
    Ok(Cell::kept(trial.holds("uploads/length", CONTENT).await))
}

async fn content_type(trial: &mut Trial) -> Result<Cell, Cell> {
    let key = "uploads/type";
    let promise = IssueUploadUrlRequest { content_type: Some("image/jpeg".to_owned()), ..upload(key) };
    let put = trial.put(promise.clone(), CONTENT).await;
    for other in [put.clone().with_header("content-type", "text/html"), put.without_header("content-type")] {
        let answer = trial.send(&other).await;
        if Cell::of_deviation(&answer) != Cell::Refused || trial.stored(key).await.is_some() {
            return Ok(Cell::NotKept);
        }
    }
    trial.stores(promise, &[("content-type", "image/jpeg")]).await
}

async fn create_only(trial: &mut Trial) -> Result<Cell, Cell> {
    let key = "uploads/once";
    let put = trial.put(IssueUploadUrlRequest { create_only: Some(true), ..upload(key) }, b"first").await;
    trial.accepted(&put).await?;
    let again = trial.send(&put.with_body(b"second")).await;
    Ok(Cell::kept(Cell::of_deviation(&again) == Cell::Refused && trial.holds(key, b"first").await))
}

/// Signed by AWS's client with the key pair of uploads: the broker signs one of the forms, and neither by keys that need
/// not read.
async fn if_match(trial: &mut Trial, form: fn(&str) -> String) -> Result<Cell, Cell> {
    let key = "uploads/swapped";
    let first = trial.upload(upload(key), b"first").await?;
    let tag = form(first.header("etag").unwrap().trim_matches('"'));
    let (sdk, bucket) = (trial.uploading_sdk(), &trial.fixture.s3.bucket);
    let life = PresigningConfig::expires_in(Duration::from_mins(1)).unwrap();
    let signed = sdk.put_object().bucket(bucket).key(key).if_match(tag).presigned(life).await.unwrap();
    let headers = signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let put = HttpRequest { method: "PUT".to_owned(), url: signed.uri().to_owned(), headers, body: None };
    trial.accepted(&put.clone().with_body(b"second")).await?;
    let late = trial.send(&put.with_body(b"third")).await;
    Ok(Cell::kept(Cell::of_deviation(&late) == Cell::Refused && trial.holds(key, b"second").await))
}

async fn holds_to_checksum(trial: &mut Trial, algorithm: ChecksumAlgorithm) -> Result<Cell, Cell> {
    let key = format!("uploads/{algorithm}");
    let promise = IssueUploadUrlRequest { checksum: Some(checksum(algorithm, CONTENT)), ..upload(&key) };
    let put = trial.put(promise, OTHER_CONTENT).await;
    let wrong = trial.send(&put).await;
    if Cell::of_deviation(&wrong) != Cell::Refused || trial.stored(&key).await.is_some() {
        return Ok(Cell::NotKept);
    }
    trial.accepted(&put.with_body(CONTENT)).await?;
    Ok(Cell::kept(trial.holds(&key, CONTENT).await))
}

async fn content_headers(trial: &mut Trial) -> Result<Cell, Cell> {
    let promise = IssueUploadUrlRequest {
        content_disposition: Some("attachment; filename=\"a b.jpg\"".to_owned()),
        content_encoding: Some("zstd".to_owned()),
        cache_control: Some("private, max-age=60".to_owned()),
        ..upload("uploads/headers")
    };
    let headers = [
        ("content-disposition", "attachment; filename=\"a b.jpg\""),
        ("content-encoding", "zstd"),
        ("cache-control", "private, max-age=60"),
    ];
    trial.stores(promise, &headers).await
}

async fn metadata(trial: &mut Trial, name: &str) -> Result<Cell, Cell> {
    let value = "a trial, x=1&y=\"2\";%20";
    let metadata = [(name.to_owned(), value.to_owned())].into();
    let promise = IssueUploadUrlRequest { metadata, ..upload("uploads/metadata") };
    trial.stores(promise, &[(&format!("x-amz-meta-{name}"), value)]).await
}

async fn decision(trial: &mut Trial) -> Result<Cell, Cell> {
    let issued = trial.fixture.caller.issue_upload(upload("recorded/a")).await.unwrap();
    trial.accepted(&HttpRequest::promised(&issued.put.unwrap()).with_body(b"x")).await?;
    let request = VerifyUploadRequest {
        key: "recorded/a".to_owned(),
        decision_id: Some(issued.decision_id),
        ..VerifyUploadRequest::default()
    };
    let verified = trial.fixture.caller.verify_upload(request).await.unwrap();
    Ok(Cell::kept(verified.mismatches.is_empty() && verified.unknown.is_empty()))
}

async fn tags(trial: &mut Trial) -> Result<Cell, Cell> {
    let tags = [("team".to_owned(), "größer + besser=@".to_owned())];
    trial.upload(IssueUploadUrlRequest { tags: tags.into(), ..upload("tagged/a") }, b"x").await?;
    let expected = [("origin", "broker"), ("team", "größer + besser=@")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(Cell::kept(trial.tags("tagged/a").await.is_some_and(|stored| stored == expected)))
}

async fn storage_class(trial: &mut Trial) -> Result<Cell, Cell> {
    let promise = IssueUploadUrlRequest { storage_class: Some("STANDARD_IA".to_owned()), ..upload("cold/a") };
    trial.stores(promise, &[("x-amz-storage-class", "STANDARD_IA")]).await
}

async fn encryption(trial: &mut Trial) -> Result<Cell, Cell> {
    trial.stores(upload("encrypted/a"), &[("x-amz-server-side-encryption", "AES256")]).await
}

/// Without encryption the disk must show a content, or the look at it proves nothing.
async fn encrypted(trial: &mut Trial) -> Result<Cell, Cell> {
    let [plain, encrypted] = ["plain", "encrypted"].map(|name| format!("{name} {}", Uuid::now_v7()).into_bytes());
    trial.upload(upload("uploads/plain"), &plain).await?;
    if trial.disk_shows(&plain) != Some(true) {
        return Ok(Cell::NotAsked);
    }
    trial.upload(upload("encrypted/a"), &encrypted).await?;
    Ok(Cell::kept(trial.disk_shows(&encrypted) == Some(false)))
}
