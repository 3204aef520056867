//! What the holder of a URL changes.

use access_broker::contract::proto::IssueUploadUrlRequest;

use super::cell::Cell;
use super::table::Column;
use super::trial::Trial;
use crate::transfer::checksums::sha256;
use crate::transfer::clients::HttpRequest;
use crate::transfer::fixture::{download, upload};

const CONTENT: &[u8] = b"promised";
const KEY: &str = "bound/a b.jpg";
const OTHER_KEY: &str = "bound/other.jpg";

/// Changes of a kind, of an upload and of a download.
type Changes = fn(&Trial, &HttpRequest) -> Vec<HttpRequest>;

pub(super) async fn measure(trial: &mut Trial, column: &mut Column) {
    column.begin("Changes of a URL");
    let get = HttpRequest::promised(&trial.fixture.get(download(KEY)).await);
    // There is what could be read.
    trial.upload(upload(OTHER_KEY), b"other").await.unwrap();
    for (row, changes) in [
        ("another method", methods as Changes),
        ("another key", |_, request| vec![request.clone().with_url_part("/a%20b.jpg?", "/other.jpg?")]),
        ("another bucket", |trial, request| {
            let bucket = &trial.fixture.s3.bucket;
            vec![request.clone().with_url_part(&format!("/{bucket}/"), &format!("/{bucket}-other/"))]
        }),
        ("another host", |_, request| vec![request.clone().with_url_part("127.0.0.1", "localhost")]),
        ("a changed query parameter", changed_parameters),
        ("an added query parameter", added_parameters),
        ("a promised header left out or changed", headers),
    ] {
        // A URL of its own for each kind, as some may write.
        let put = trial.put(promise(), CONTENT).await;
        let requests = [&put, &get].map(|request| changes(trial, request)).concat();
        column.add(row, worst(trial, &requests).await);
    }
}

/// Everything that an upload can bind on every server.
fn promise() -> IssueUploadUrlRequest {
    IssueUploadUrlRequest {
        content_type: Some("image/jpeg".to_owned()),
        content_length: Some(CONTENT.len() as u64),
        checksum: Some(sha256(CONTENT)),
        metadata: [("owner".to_owned(), "somebody".to_owned())].into(),
        content_disposition: Some("attachment".to_owned()),
        cache_control: Some("no-store".to_owned()),
        ..upload(KEY)
    }
}

/// What is worst for the operator: taken, then an error of the server, then refused.
async fn worst(trial: &mut Trial, requests: &[HttpRequest]) -> Result<Cell, Cell> {
    let mut worst = Cell::Refused;
    for request in requests {
        let answer = trial.send(request).await;
        // Nothing is at the key of the URLs.
        if request.method != "HEAD" || answer.status != 404 {
            match Cell::of_deviation(&answer) {
                Cell::Refused => {}
                Cell::Taken => worst = Cell::Taken,
                error if worst == Cell::Refused => worst = error,
                _ => {}
            }
        }
        assert!(trial.stored(KEY).await.is_none(), "{} {}: stored", request.method, answer.status);
    }
    Ok(worst)
}

fn methods(_: &Trial, request: &HttpRequest) -> Vec<HttpRequest> {
    let others = ["GET", "HEAD", "PUT", "POST", "DELETE"].into_iter().filter(|method| *method != request.method);
    others.map(|method| request.clone().with_method(method)).collect()
}

fn changed_parameters(_: &Trial, request: &HttpRequest) -> Vec<HttpRequest> {
    let parts = [
        ("X-Amz-Expires=900", "X-Amz-Expires=901"),
        ("X-Amz-Date=2", "X-Amz-Date=3"),
        ("x-access-broker-decision=", "x-access-broker-decision=0"),
        ("&x-access-broker-caller=", "&x-access-broker-caller2="),
    ];
    parts.map(|(part, other)| request.clone().with_url_part(part, other)).into()
}

fn added_parameters(_: &Trial, request: &HttpRequest) -> Vec<HttpRequest> {
    let parameters = [
        "x=y",
        "acl",
        "tagging",
        "uploads",
        "versionId=1",
        "partNumber=1&uploadId=2",
        "response-content-type=text%2Fhtml",
    ];
    parameters.map(|parameter| request.clone().with_url_part("?", &format!("?{parameter}&"))).into()
}

fn headers(_: &Trial, request: &HttpRequest) -> Vec<HttpRequest> {
    let mut requests = Vec::new();
    // The length is the body's.
    for name in request.headers.keys().filter(|name| *name != "content-length") {
        requests.push(request.clone().without_header(name));
        let other = match name.as_str() {
            "x-amz-checksum-sha256" => "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            _ => "other",
        };
        requests.push(request.clone().with_header(name, other));
    }
    requests
}
