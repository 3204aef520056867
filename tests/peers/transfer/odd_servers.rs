//! What callers are told of objects by servers that answer oddly, or mean harm.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use access_broker::contract::proto::{IssueDownloadUrlRequest, VerifyUploadRequest, VerifyUploadResponse};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tonic::Code;

use super::fixture::{Fixture, Settings, download};
use crate::registry::{Registry, register};
use crate::support::error_info;

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(
        registry,
        [],
        headers_that_are_no_text_are_told_as_such_and_equal_nothing,
        headers_that_make_no_sense_are_left_out,
        an_answer_is_of_a_bounded_size_whatever_the_server_says,
        more_headers_than_anybody_reads_are_no_answer,
        tags_that_the_server_does_not_tell_are_unknown_and_no_error,
        tags_that_the_server_tells_are_compared,
        tags_that_never_come_are_not_waited_for
    );
}

const POLICY: &str = include_str!("fixture/verification.toml");
const DESCRIPTION: &str = "content-length: 5\r\netag: \"x\"\r\ncontent-type: text/plain\r\n";

/// What a server says to a HEAD, and to a GET of tags. It says nothing where that is empty.
#[derive(Clone)]
struct Answers {
    head: Vec<u8>,
    tags: Vec<u8>,
}

impl Answers {
    fn head(headers: impl AsRef<[u8]>) -> Self {
        let head = [b"HTTP/1.1 200 OK\r\n", DESCRIPTION.as_bytes(), headers.as_ref(), b"\r\n"].concat();
        Self { head, tags: b"HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\n\r\n".to_vec() }
    }

    fn tags(tags: impl Into<Vec<u8>>) -> Self {
        Self { tags: tags.into(), ..Self::head("") }
    }
}

/// A server whose answers can be changed.
type OddServer = Arc<Mutex<Answers>>;

async fn before_odd_server() -> Fixture<OddServer> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers = Arc::new(Mutex::new(Answers::head("")));
    let server = Arc::clone(&answers);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream, Arc::clone(&answers)));
        }
    });
    let bucket = "unsigned_headers = \"refused\"";
    Fixture::before(server, &url, Settings { policy: POLICY, bucket, ..Settings::default() }).await
}

impl Fixture<OddServer> {
    fn answers(&self, answers: Answers) {
        *self.s3.lock().unwrap() = answers;
    }
}

/// Answers the requests of one connection, until the client leaves.
async fn serve(mut stream: TcpStream, answers: OddServer) {
    let mut received = Vec::new();
    loop {
        let mut bytes = [0; 4_096];
        match stream.read(&mut bytes).await {
            Ok(count @ 1..) => received.extend_from_slice(&bytes[..count]),
            _ => return,
        }
        if received.ends_with(b"\r\n\r\n") {
            let Answers { head, tags } = answers.lock().unwrap().clone();
            let answer = if received.starts_with(b"HEAD ") { head } else { tags };
            if stream.write_all(&answer).await.is_err() {
                return;
            }
            received.clear();
        }
    }
}

/// With a promise of one tag and of a disposition.
fn promised() -> VerifyUploadRequest {
    VerifyUploadRequest {
        key: "a".to_owned(),
        tags: [("team".to_owned(), "x".to_owned())].into(),
        content_disposition: Some("attachment".to_owned()),
        ..VerifyUploadRequest::default()
    }
}

async fn verified<S>(fixture: &Fixture<S>, request: VerifyUploadRequest) -> VerifyUploadResponse {
    let answer = fixture.caller.verify_upload(request).await.unwrap();
    assert!(answer.encoded_len() < 64 * 1_024, "{}", answer.encoded_len());
    answer
}

async fn headers_that_are_no_text_are_told_as_such_and_equal_nothing() {
    let fixture = before_odd_server().await;
    for (disposition, told) in [
        (&b"attachment"[..], "attachment"),
        (b"attachment\xFF", "attachment\u{FFFD}"),
        (b"attachment\r\ncontent-disposition: attachment", "attachment, attachment"),
        ("attachment; filename=é".as_bytes(), "attachment; filename=é"),
    ] {
        fixture.answers(Answers::head([b"content-disposition: ", disposition, b"\r\n"].concat()));
        let answer = verified(&fixture, VerifyUploadRequest { tags: [].into(), ..promised() }).await;
        assert_eq!(answer.object.as_ref().unwrap().content_disposition.as_deref(), Some(told));
        assert_eq!((answer.as_expected, answer.mismatches.is_empty()), (told == "attachment", told == "attachment"));
        let request = IssueDownloadUrlRequest { must_exist: true, ..download("a") };
        let object = fixture.caller.issue_download(request).await.unwrap().object.unwrap();
        assert_eq!(object.content_disposition.as_deref(), Some(told));
    }
    fixture.finish().await;
}

async fn headers_that_make_no_sense_are_left_out() {
    let fixture = before_odd_server().await;
    let headers = "last-modified: yesterday\r\nx-amz-server-side-encryption-bucket-key-enabled: perhaps\r\n\
                   x-amz-missing-meta: x\r\nx-amz-object-lock-retain-until-date: x\r\nx-amz-mp-parts-count: x\r\n\
                   x-amz-delete-marker: x\r\nx-amz-tagging-count: x\r\nx-amz-checksum-sha256: %%\r\nexpires: 0\r\n\
                   x-amz-storage-class:\r\nx-amz-meta-ACCESS-Broker-Decision: me\r\nx-amz-meta-Purpose: x\r\n";
    fixture.answers(Answers::head(headers));
    let object = verified(&fixture, promised()).await.object.unwrap();
    assert_eq!((object.size, object.last_modified, object.bucket_key), (5, None, false));
    assert_eq!((object.storage_class.as_str(), object.expires.as_deref()), ("STANDARD", Some("0")));
    assert_eq!(object.metadata, [("purpose".to_owned(), "x".to_owned())].into());
    assert_eq!(object.decision_id.as_deref(), Some("me"));
    fixture.finish().await;
}

async fn an_answer_is_of_a_bounded_size_whatever_the_server_says() {
    let fixture = before_odd_server().await;
    let long = "v".repeat(6_000);
    let mut headers = format!("content-disposition: {long}\r\nx-amz-website-redirect-location: {long}\r\n");
    headers.extend((0..40).map(|number| format!("x-amz-meta-m{number}: {long}\r\n")));
    fixture.answers(Answers::head(headers));
    let request = VerifyUploadRequest { nothing_else: true, tags: [].into(), ..promised() };
    let answer = verified(&fixture, request).await;
    assert_eq!(answer.mismatches, ["metadata", "content_disposition", "website_redirect_location"]);
    let object = answer.object.unwrap();
    assert!(object.metadata.len() < 40 && object.metadata.values().all(|value| value.ends_with('…')));
    assert_eq!(object.content_disposition, Some(format!("{}…", "v".repeat(2_048))));
    fixture.finish().await;
}

async fn more_headers_than_anybody_reads_are_no_answer() {
    let fixture = before_odd_server().await;
    let headers: Vec<String> = (0..5_000).map(|number| format!("x-amz-meta-m{number}: x\r\n")).collect();
    fixture.answers(Answers::head(headers.concat()));
    let refused = fixture.caller.verify_upload(promised()).await.unwrap_err();
    assert_eq!((refused.code(), error_info(&refused).reason.as_str()), (Code::Unavailable, "STORAGE_UNAVAILABLE"));
    fixture.finish().await;
}

fn tagging(tags: &str) -> String {
    document(&format!("<Tagging><TagSet>{tags}</TagSet></Tagging>"))
}

fn document(xml: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\ncontent-length: {}\r\n\r\n{xml}", xml.len())
}

fn tag(name: &str, value: &str) -> String {
    format!("<Tag><Key>{name}</Key><Value>{value}</Value></Tag>")
}

async fn tags_that_the_server_does_not_tell_are_unknown_and_no_error() {
    let fixture = before_odd_server().await;
    let many: String = (0..2_000).map(|number| tag(&format!("t{number}"), &"v".repeat(30))).collect();
    let chunk = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
    let endless = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned() + &chunk.repeat(64);
    let error = |status: &str| format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
    for (answer, what) in [
        (error("403 Forbidden"), "refused"),
        (error("404 Not Found"), "not found"),
        (error("500 Internal Server Error"), "at fault"),
        (error("501 Not Implemented"), "not implemented"),
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "no HTTP"),
        (error("200 OK"), "empty"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello".to_owned(), "no XML"),
        (tagging(&(tag("team", "x") + &tag("team", "y"))), "a tag twice"),
        (tagging(&(tag("team", "x") + &many)), "too long"),
        (endless, "longer"),
        (document("<Tagging><TagSet><Tag><Key>team</Key><Value>x</Va"), "cut off in a tag"),
        (document(&format!("<Tagging><TagSet>{}", tag("team", "x"))), "cut off after a tag"),
        (tagging(&tag("team", "x")).replacen("\r\n", "\r\netag: \"x\"\r\n", 1), "the object itself, by its tag"),
        (
            tagging(&tag("team", "x")).replacen("\r\n", "\r\nlast-modified: Fri, 24 May 2024 00:00:00 GMT\r\n", 1),
            "the object itself, by its date",
        ),
    ] {
        fixture.answers(Answers::tags(answer));
        let answer = verified(&fixture, promised()).await;
        assert_eq!(
            (answer.unknown, answer.mismatches),
            (vec!["tags".to_owned()], vec!["content_disposition".to_owned()]),
            "{what}"
        );
    }
    fixture.finish().await;
}

async fn tags_that_the_server_tells_are_compared() {
    let fixture = before_odd_server().await;
    for (tags, mismatches) in [
        (tag("team", "x"), &["content_disposition"][..]),
        (tag("team", "x") + &tag("other", "y"), &["content_disposition"]),
        (tag("team", "y"), &["content_disposition", "tags"]),
        (tag("Team", "x"), &["content_disposition", "tags"]),
        (String::new(), &["content_disposition", "tags"]),
    ] {
        fixture.answers(Answers::tags(tagging(&tags)));
        let answer = verified(&fixture, promised()).await;
        assert_eq!(answer.mismatches, mismatches, "{tags}");
        assert!(answer.unknown.is_empty(), "{tags}");
    }
    fixture.finish().await;
}

/// The one deadline is for both requests.
async fn tags_that_never_come_are_not_waited_for() {
    let fixture = before_odd_server().await;
    fixture.answers(Answers::tags(""));
    let asked = Instant::now();
    let answer = verified(&fixture, promised()).await;
    assert_eq!(answer.unknown, ["tags"]);
    assert!((Duration::from_secs(1)..Duration::from_secs(4)).contains(&asked.elapsed()), "{:?}", asked.elapsed());
    fixture.finish().await;
}
