//! What callers are told when S3 does not answer the broker's own question as it should.

use std::time::Duration;

use access_broker::contract::proto::{IssueDownloadUrlRequest, VerifyUploadRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::fixture::{Fixture, Settings, download};
use super::servers::S3Server;
use crate::registry::{Registry, register};
use crate::support::error_info;

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(
        registry,
        [],
        a_server_that_never_answers_is_not_waited_for,
        a_server_at_fault_is_unavailable,
        a_server_that_is_not_there_is_unavailable,
        credentials_that_the_server_does_not_know_are_refused
    );
}

/// `server.s3_timeout`, and some time for everything else.
const S3_TIMEOUT: Duration = Duration::from_secs(2);
const ROOM: Duration = Duration::from_secs(2);

/// What both methods that look say.
async fn refusals<S>(fixture: &Fixture<S>) -> [Status; 2] {
    let must_exist = IssueDownloadUrlRequest { must_exist: true, ..download("a") };
    let verification = VerifyUploadRequest { key: "a".to_owned(), ..VerifyUploadRequest::default() };
    let (download, verification) =
        tokio::join!(fixture.caller.issue_download(must_exist), fixture.caller.verify_upload(verification));
    [download.unwrap_err(), verification.unwrap_err()]
}

fn assert_unavailable(refused: &Status) {
    assert_eq!((refused.code(), error_info(refused).reason.as_str()), (Code::Unavailable, "STORAGE_UNAVAILABLE"));
    let delay = refused.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert!((Duration::from_secs(1)..=Duration::from_mins(1)).contains(&delay), "{delay:?}");
}

/// A server that accepts connections and gives each request the same answer, or none.
async fn server_that_says(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut connections = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            if !answer.is_empty() {
                let mut request = [0; 8_192];
                let _request = stream.read(&mut request).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            connections.push(stream);
        }
    });
    url
}

async fn a_server_that_never_answers_is_not_waited_for() {
    let url = server_that_says("").await;
    let fixture = Fixture::before((), &url, Settings::default()).await;
    let asked = Instant::now();
    for refused in refusals(&fixture).await {
        assert_unavailable(&refused);
    }
    assert!((S3_TIMEOUT / 2..S3_TIMEOUT + ROOM).contains(&asked.elapsed()), "{:?}", asked.elapsed());
    fixture.finish().await;
}

async fn a_server_at_fault_is_unavailable() {
    for answer in [
        "HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 500 Internal Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
    ] {
        let fixture = Fixture::before((), &server_that_says(answer).await, Settings::default()).await;
        for refused in refusals(&fixture).await {
            assert_unavailable(&refused);
        }
        fixture.finish().await;
    }
}

async fn a_server_that_is_not_there_is_unavailable() {
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fixture = Fixture::before((), &format!("http://{dead}"), Settings::default()).await;
    for refused in refusals(&fixture).await {
        assert_unavailable(&refused);
    }
    fixture.finish().await;
}

async fn credentials_that_the_server_does_not_know_are_refused() {
    let settings = Settings { access_key_id: "AKIAUNKNOWN", ..Settings::default() };
    let fixture = Fixture::with(S3Server::embedded(|_| {}).await, settings).await;
    for refused in refusals(&fixture).await {
        assert_eq!((refused.code(), error_info(&refused).reason.as_str()), (Code::PermissionDenied, "STORAGE_REFUSED"));
    }
    fixture.finish().await;
}
