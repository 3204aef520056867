//! What the holder of an upload URL adds to what was promised, and whether that has an effect.

use access_broker::contract::proto::IssueUploadUrlRequest;

use super::cell::Cell;
use super::table::Column;
use super::trial::Trial;
use crate::transfer::checksums::sha256;
use crate::transfer::clients::HttpRequest;
use crate::transfer::fixture::upload;
use crate::transfer::servers::Peer;

const CONTENT: &[u8] = b"promised";

/// What no URL of the trial is for.
pub(super) const SECRET: &[u8] = b"top secret";

pub(super) const COPY: &str = "`x-amz-copy-source`: an object of the same bucket";
pub(super) const COPY_FROM_OTHER_BUCKET: &str = "`x-amz-copy-source`: an object of another bucket";
pub(super) const COPY_OF_PART: &str = "`x-amz-copy-source` with `x-amz-copy-source-range`";

/// The rows of headers that make an object public.
pub(super) const PUBLISHING: [&str; 2] = [ACTED_ON[0].0, ACTED_ON[1].0];

/// Headers that S3 acts on, which AWS takes in no request that does not sign them.
const ACTED_ON: [(&str, &str, &str); 8] = [
    ("`x-amz-acl: public-read`", "x-amz-acl", "public-read"),
    ("`x-amz-grant-read` for everybody", "x-amz-grant-read", "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\""),
    ("`x-amz-meta-*`", "x-amz-meta-added", "1"),
    ("`x-amz-tagging`", "x-amz-tagging", "added=1"),
    ("`x-amz-website-redirect-location`", "x-amz-website-redirect-location", "https://example.com/"),
    ("`x-amz-server-side-encryption: AES256`", "x-amz-server-side-encryption", "AES256"),
    ("`x-amz-storage-class`", "x-amz-storage-class", "STANDARD_IA"),
    ("`x-amz-checksum-crc32` beside a promised sha256", "x-amz-checksum-crc32", "AAAAAA=="),
];

/// Headers that are stored and given back with every download, and need not be signed at AWS either.
const STORED: [(&str, &str, &str); 6] = [
    ("`content-type`, where none is promised", "content-type", "text/html"),
    ("`content-encoding`", "content-encoding", "gzip"),
    ("`content-disposition`", "content-disposition", "inline; filename=\"x.html\""),
    ("`cache-control`", "cache-control", "public, max-age=31536000"),
    ("`content-language`", "content-language", "de"),
    ("`expires`", "expires", "Fri, 24 May 2030 00:00:00 GMT"),
];

/// The rows that a server refuses whose `unsigned_headers` are `"refused"`.
pub(super) fn must_be_refused() -> impl Iterator<Item = &'static str> {
    [COPY, COPY_FROM_OTHER_BUCKET, COPY_OF_PART].into_iter().chain(ACTED_ON.map(|(row, ..)| row))
}

pub(super) async fn measure(trial: &mut Trial, column: &mut Column) {
    column.begin("Headers added to an upload");
    let bucket = trial.fixture.s3.bucket.clone();
    trial.plant(&bucket, "secret/s", SECRET).await;
    column.add(COPY, copy(trial, &bucket).await);
    let other = format!("{bucket}-other");
    column.add(COPY_FROM_OTHER_BUCKET, copy_from_new_bucket(trial, &other).await);
    column.add(COPY_OF_PART, copy_of_part(trial, &bucket).await);
    column.add("`x-amz-content-sha256` of a body in chunks: fewer bytes than promised", chunks(trial).await);
    for (row, name, value) in ACTED_ON.into_iter().chain(STORED) {
        column.add(row, addition(trial, name, value).await);
    }
}

/// An upload that is bound in every way that leaves room for the header.
fn promise(key: &str, but: &str) -> IssueUploadUrlRequest {
    IssueUploadUrlRequest {
        content_type: (but != "content-type").then(|| "image/png".to_owned()),
        content_length: Some(CONTENT.len() as u64),
        checksum: Some(sha256(CONTENT)),
        create_only: Some(true),
        ..upload(key)
    }
}

/// A copy of an object by a URL that is for another one. It counts if a download gives the secret.
pub(super) async fn copy(trial: &mut Trial, bucket: &str) -> Result<Cell, Cell> {
    let key = format!("copied from/{bucket}");
    let put = trial.put(promise(&key, ""), CONTENT).await;
    let put = put.with_header("x-amz-copy-source", &format!("/{bucket}/secret/s"));
    copied(trial, &key, &put).await
}

/// The same of a range, which is all of it. Where nothing is bound, so that a server may take the upload for another kind.
async fn copy_of_part(trial: &mut Trial, bucket: &str) -> Result<Cell, Cell> {
    let key = "copied in part";
    let empty = IssueUploadUrlRequest { content_length: Some(0), ..upload(key) };
    let put = trial.put(empty, b"").await.with_header("x-amz-copy-source", &format!("/{bucket}/secret/s"));
    let put = put.with_header("x-amz-copy-source-range", &format!("bytes=0-{}", SECRET.len() - 1));
    copied(trial, key, &put).await
}

async fn copied(trial: &mut Trial, key: &str, put: &HttpRequest) -> Result<Cell, Cell> {
    let answer = trial.send(put).await;
    Ok(match (Cell::of_deviation(&answer), trial.stored(key).await) {
        (_, Some(stored)) if stored.body == SECRET => Cell::Taken,
        (Cell::Taken, _) => Cell::Ignored,
        (_, Some(_)) => panic!("{} and stored all the same", answer.status),
        (cell, None) => cell,
    })
}

/// A body of the promised length that holds one byte, for a server that takes it for chunks.
async fn chunks(trial: &mut Trial) -> Result<Cell, Cell> {
    let signature = "0".repeat(64);
    let body = format!("1;chunk-signature={signature}\r\nx\r\n0;chunk-signature={signature}\r\n\r\n");
    let promise = IssueUploadUrlRequest { content_length: Some(body.len() as u64), ..upload("added/chunks") };
    let put = trial.put(promise, body.as_bytes()).await;
    let put = put.with_header("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    let answer = trial.send(&put).await;
    Ok(match (Cell::of_deviation(&answer), trial.stored("added/chunks").await) {
        (_, Some(stored)) if stored.body.len() != body.len() => Cell::Taken,
        (Cell::Taken, _) => Cell::Ignored,
        (_, Some(_)) => panic!("{} and stored all the same", answer.status),
        (cell, None) => cell,
    })
}

/// The server of `dev` has one bucket and makes no other.
async fn copy_from_new_bucket(trial: &mut Trial, bucket: &str) -> Result<Cell, Cell> {
    if trial.fixture.s3.peer == Peer::Embedded {
        return Ok(Cell::NotAsked);
    }
    trial.fixture.s3.sdk().create_bucket().bucket(bucket).send().await.unwrap();
    trial.plant(bucket, "secret/s", SECRET).await;
    copy(trial, bucket).await
}

async fn addition(trial: &mut Trial, name: &str, value: &str) -> Result<Cell, Cell> {
    let key = format!("added/{name}");
    let put = trial.put(promise(&key, name), CONTENT).await.with_header(name, value);
    let answer = trial.send(&put).await;
    let cell = Cell::of_deviation(&answer);
    if cell != Cell::Taken {
        assert!(trial.stored(&key).await.is_none(), "{name}: {} and stored all the same", answer.status);
        return Ok(cell);
    }
    let has_effect = match name {
        "x-amz-acl" | "x-amz-grant-read" => trial.is_public(&key).await,
        "x-amz-tagging" => trial.tags(&key).await.is_some_and(|tags| tags == [("added".to_owned(), "1".to_owned())]),
        _ => trial.stored(&key).await.unwrap().header(name) == Some(value),
    };
    Ok(if has_effect { Cell::Taken } else { Cell::Ignored })
}
