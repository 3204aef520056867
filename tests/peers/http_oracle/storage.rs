//! An S3 server that answers HEAD requests by the last segment of the key, and accepts every signature.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Response, Uri};
use tokio::net::TcpListener;
use tokio::time;
use url::form_urlencoded;

/// Longer than every test.
const NEVER: Duration = Duration::from_mins(30);

const TAGS: &str = "<Tagging><TagSet><Tag><Key>purpose</Key><Value>test</Value></Tag></TagSet></Tagging>";

pub(super) async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn answer(uri: Uri) -> Response<Body> {
    let name = uri.path().rsplit('/').next().unwrap();
    let status = match name {
        "missing" => 404,
        "forbidden" => 403,
        "broken" => 503,
        "silent" => {
            time::sleep(NEVER).await;
            500
        }
        _ => 200,
    };
    let response = Response::builder().status(status);
    if status != 200 {
        return response.body(Body::empty()).unwrap();
    }
    let has_parameter = |name: &str| uri.query().is_some_and(|query| query.split('&').any(|pair| pair == name));
    if has_parameter("tagging") || has_parameter("tagging=") {
        return response.header("content-type", "application/xml").body(Body::from(TAGS)).unwrap();
    }
    let mut parameters = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let asked = parameters.find(|(name, _)| name == "versionId").map(|(_, version)| version.into_owned());
    let version = asked.or_else(|| (name != "unversioned").then(|| "v1".to_owned()));
    let response = match version {
        Some(version) => response.header("x-amz-version-id", version),
        None => response,
    };
    let described = response
        .header("content-length", "7")
        .header("content-type", "text/plain")
        .header("etag", "\"9a0364b9e99bb480dd25e1f0284c8555\"")
        .header("last-modified", "Fri, 24 May 2030 00:00:00 GMT")
        .header("cache-control", "no-store")
        .header("x-amz-checksum-crc64nvme", "AAAAAAAAAAE=")
        .header("x-amz-checksum-type", "FULL_OBJECT")
        .header("x-amz-tagging-count", "1")
        .header("x-amz-meta-purpose", "test")
        .header("x-amz-meta-a.b-c_d", "two words")
        .header("x-amz-object-lock-legal-hold", "ON")
        .header("x-amz-server-side-encryption", "AES256");
    described.body(Body::from("content")).unwrap()
}
