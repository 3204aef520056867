//! An S3 server that answers by the name of the object.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Response, Uri};
use tokio::net::TcpListener;
use tokio::time;

/// Longer than the test takes.
const NEVER: Duration = Duration::from_mins(5);

pub(super) async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn answer(uri: Uri) -> Response<Body> {
    let status = match uri.path().rsplit('/').next().unwrap() {
        "missing" => 404,
        "forbidden" => 403,
        "broken" => 503,
        "silent" => {
            time::sleep(NEVER).await;
            500
        }
        _ => 200,
    };
    let mut response = Response::builder().status(status);
    if status != 200 {
        return response.body(Body::empty()).unwrap();
    }
    if uri.query().is_some_and(|query| query.contains("versionId=v1")) {
        response = response.header("x-amz-version-id", "v1");
    }
    let described = response
        .header("content-length", "7")
        .header("content-type", "text/plain")
        .header("etag", "\"9a0364b9e99bb480dd25e1f0284c8555\"")
        .header("last-modified", "Fri, 24 May 2030 00:00:00 GMT")
        .header("cache-control", "no-store");
    described.body(Body::from("content")).unwrap()
}
