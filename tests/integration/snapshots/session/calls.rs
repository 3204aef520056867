//! The calls of the session, each with its name as its request id.

use std::collections::BTreeSet;
use std::fmt::{Debug, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use access_broker::contract::proto::checksum::Value as ChecksumValue;
use access_broker::contract::proto::{
    Checksum, IssueDownloadUrlRequest, IssueDownloadUrlResponse, IssueUploadUrlRequest, IssueUploadUrlResponse,
    ResponseOverrides, SignedRequest, VerifyUploadRequest, VerifyUploadResponse,
};
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tonic::Status;
use tonic_types::StatusExt;

use crate::snapshots::status_text::{Delay, status_text};
use crate::support::http2::{Http2Client, framed};
use crate::support::{Client, tcp_channel};
use crate::workloads::tokens::{AUDIENCE, ISSUER, TokenKey, in_ten_minutes};

const DOWNLOAD: &str = "/accessbroker.v1.AccessBrokerService/IssueDownloadUrl";
const CHECK: &str = "/grpc.health.v1.Health/Check";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// The bucket "media" and the key "plain/x".
const MESSAGE: &[u8] = b"\x0a\x05media\x12\x07plain/x";

const XFCC: &str = "x-forwarded-client-cert";
const WORKLOAD: &str = "URI=spiffe://prod.example/ns/media/sa/thumbnailer";

/// An answer with the requests that it signs, which its own text leaves out.
trait Answer: Debug {
    fn signed(&self) -> Vec<&SignedRequest>;
}

impl Answer for IssueDownloadUrlResponse {
    fn signed(&self) -> Vec<&SignedRequest> {
        self.get.iter().chain(&self.head).collect()
    }
}

impl Answer for IssueUploadUrlResponse {
    fn signed(&self) -> Vec<&SignedRequest> {
        self.put.iter().collect()
    }
}

impl Answer for VerifyUploadResponse {
    fn signed(&self) -> Vec<&SignedRequest> {
        Vec::new()
    }
}

/// A signed request with the names of its query's parameters, and without their values.
fn signed_text(signed: &SignedRequest) -> String {
    let (place, query) = signed.url.split_once('?').unwrap();
    let names: Vec<_> = query.split('&').map(|pair| pair.split('=').next().unwrap().to_lowercase()).collect();
    let mut text = format!("{} {place}\n  query: {}\n", signed.method, names.join(", "));
    for (name, value) in &signed.headers {
        writeln!(text, "  header {name}: {value}").unwrap();
    }
    text
}

/// The calls so far and their answers.
pub(super) struct Calls<'a> {
    pub(super) answers: String,
    pub(super) refusals: String,
    pub(super) reasons: BTreeSet<String>,
    pub(super) ids: Vec<String>,
    clients: Vec<Client>,
    raw: Http2Client,
    admin: SocketAddr,
    key: &'a TokenKey,
}

fn download(key: &str) -> IssueDownloadUrlRequest {
    IssueDownloadUrlRequest { bucket: "media".to_owned(), key: key.to_owned(), ..Default::default() }
}

fn upload(key: &str) -> IssueUploadUrlRequest {
    IssueUploadUrlRequest { bucket: "media".to_owned(), key: key.to_owned(), ..Default::default() }
}

fn verify(key: &str) -> VerifyUploadRequest {
    VerifyUploadRequest { bucket: "media".to_owned(), key: key.to_owned(), ..Default::default() }
}

fn sha256() -> Checksum {
    Checksum { value: Some(ChecksumValue::Sha256(vec![7; 32])) }
}

fn claims(subject: &str, more: &Value) -> Value {
    let mut claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": in_ten_minutes() });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

impl<'a> Calls<'a> {
    pub(super) async fn new(grpc: &[SocketAddr], admin: SocketAddr, key: &'a TokenKey) -> Self {
        let mut clients = Vec::new();
        for address in grpc {
            clients.push(Client::over(tcp_channel(*address).await, &[]));
        }
        let raw = Http2Client::connect(grpc[0]).await;
        let (answers, refusals) = (String::new(), String::new());
        Self { answers, refusals, reasons: BTreeSet::new(), ids: Vec::new(), clients, raw, admin, key }
    }

    pub(super) async fn make_all(&mut self) {
        self.succeed().await;
        self.prove_no_caller().await;
        self.are_invalid().await;
        self.are_refused_by_the_policy().await;
        self.fail().await;
        self.are_too_many().await;
        self.have_another_form().await;
    }

    fn authorization(&self, claims: &Value) -> String {
        format!("Bearer {}", self.key.sign(claims))
    }

    fn ada(&self) -> String {
        self.authorization(&claims("ada", &json!({})))
    }

    /// A client of a listener, whose call has this name.
    fn client(&mut self, listener: usize, id: &str, metadata: &[(&str, &str)]) -> Client {
        self.ids.push(id.to_owned());
        let metadata = metadata.iter().copied().chain([("x-request-id", id)]);
        self.clients[listener].with_metadata(metadata.map(|(name, value)| (name, value.as_bytes())))
    }

    /// The client of a caller with a token.
    fn with_token(&mut self, id: &str) -> Client {
        let authorization = self.ada();
        self.client(0, id, &[("authorization", &authorization)])
    }

    fn said(&mut self, id: &str, answer: Result<impl Answer, Status>) {
        self.said_with(id, answer, Delay::Fixed);
    }

    /// Puts an answer or a refusal to the others.
    fn said_with(&mut self, id: &str, answer: Result<impl Answer, Status>, delay: Delay) {
        match answer {
            Ok(answer) => {
                write!(self.answers, "## {id}\n{answer:#?}\n").unwrap();
                for signed in answer.signed() {
                    self.answers += &signed_text(signed);
                }
                self.answers.push('\n');
            }
            Err(status) => {
                self.reasons.extend(status.get_details_error_info().map(|info| info.reason));
                write!(self.refusals, "## {id}\n{}\n", status_text(&status, delay)).unwrap();
            }
        }
    }

    async fn download(&mut self, id: &str, request: IssueDownloadUrlRequest) {
        let answer = self.with_token(id).issue_download(request).await;
        self.said(id, answer);
    }

    async fn download_with(&mut self, id: &str, claims: &Value, key: &str, delay: Delay) {
        let authorization = self.authorization(claims);
        let answer = self.client(0, id, &[("authorization", &authorization)]).issue_download(download(key)).await;
        self.said_with(id, answer, delay);
    }

    async fn succeed(&mut self) {
        let answer = self.with_token("download").issue_download(download("plain/x")).await;
        self.said("download", answer);
        let all = IssueDownloadUrlRequest {
            ttl: Some(seconds(60)),
            version_id: Some("v1".to_owned()),
            response_overrides: Some(ResponseOverrides {
                cache_control: Some("no-store".to_owned()),
                content_language: Some("en".to_owned()),
                ..Default::default()
            }),
            must_exist: true,
            stable: true,
            ..download("full/x")
        };
        let answer = self.with_token("download-with-all-terms").issue_download(all).await;
        self.said("download-with-all-terms", answer);
        let answer = self.with_token("upload").issue_upload(upload("plain/x")).await;
        self.said("upload", answer);
        let all = IssueUploadUrlRequest {
            ttl: Some(seconds(60)),
            content_type: Some("text/plain".to_owned()),
            content_length: Some(7),
            checksum: Some(sha256()),
            metadata: [("purpose".to_owned(), "test".to_owned())].into(),
            content_disposition: Some("attachment".to_owned()),
            content_encoding: Some("gzip".to_owned()),
            cache_control: Some("no-store".to_owned()),
            if_match: Some("\"a\"".to_owned()),
            tags: [("purpose".to_owned(), "test".to_owned())].into(),
            storage_class: Some("STANDARD_IA".to_owned()),
            ..upload("full/x")
        };
        let answer = self.with_token("upload-with-all-terms").issue_upload(all).await;
        self.said("upload-with-all-terms", answer);
        let expected = VerifyUploadRequest {
            content_length: Some(7),
            content_type: Some("text/plain".to_owned()),
            ..verify("plain/x")
        };
        let answer = self.with_token("verification").verify_upload(expected).await;
        self.said("verification", answer);
        let other = VerifyUploadRequest { content_length: Some(8), checksum: Some(sha256()), ..verify("full/x") };
        let answer = self.with_token("verification-of-another").verify_upload(other).await;
        self.said("verification-of-another", answer);
        let client = self.client(1, "download-of-a-workload", &[(XFCC, WORKLOAD)]);
        let answer = client.issue_download(download("plain/x")).await;
        self.said("download-of-a-workload", answer);
        let authorization = self.ada();
        let both = [("authorization", authorization.as_str()), (XFCC, WORKLOAD)];
        let answer = self.client(2, "download-of-both", &both).issue_download(download("plain/x")).await;
        self.said("download-of-both", answer);
    }

    async fn prove_no_caller(&mut self) {
        for (listener, id) in ["no-token", "no-workload", "neither-token-nor-workload"].into_iter().enumerate() {
            let answer = self.client(listener, id, &[]).issue_download(download("plain/x")).await;
            self.said(id, answer);
        }
        let answer = self.clients[0].with_metadata([]).issue_download(download("plain/x")).await;
        self.said("no-request-id", answer);
        let client = self.client(0, "no-jwt", &[("authorization", "Bearer x")]);
        let answer = client.issue_download(download("plain/x")).await;
        self.said("no-jwt", answer);
        let expired = claims("ada", &json!({ "exp": 1_000_000_000 }));
        self.download_with("expired-token", &expired, "plain/x", Delay::Fixed).await;
        let silent = claims("ada", &json!({ "iss": "https://silent.example" }));
        self.download_with("issuer-without-keys", &silent, "plain/x", Delay::Varies).await;
    }

    async fn are_invalid(&mut self) {
        let invalid = IssueDownloadUrlRequest {
            ttl: Some(seconds(0)),
            version_id: Some(String::new()),
            response_overrides: Some(ResponseOverrides { expires: Some("soon".to_owned()), ..Default::default() }),
            ..download("/")
        };
        self.download("invalid-download", invalid).await;
        let invalid = IssueUploadUrlRequest {
            checksum: Some(Checksum { value: Some(ChecksumValue::Md5(vec![1])) }),
            metadata: [("Upper".to_owned(), "a\nb".to_owned())].into(),
            content_encoding: Some("aws-chunked".to_owned()),
            if_match: Some("a".to_owned()),
            create_only: Some(true),
            storage_class: Some("COLD".to_owned()),
            ..upload("")
        };
        let answer = self.with_token("invalid-upload").issue_upload(invalid).await;
        self.said("invalid-upload", answer);
        let invalid = VerifyUploadRequest { decision_id: Some("x".to_owned()), ..verify("a//b") };
        let answer = self.with_token("invalid-verification").verify_upload(invalid).await;
        self.said("invalid-verification", answer);
        let demanded = IssueUploadUrlRequest { content_length: Some(2 << 20), ..upload("full/x") };
        let answer = self.with_token("obligations-not-met").issue_upload(demanded).await;
        self.said("obligations-not-met", answer);
        let long = || Some("x".repeat(1_024));
        let overrides = ResponseOverrides {
            cache_control: long(),
            content_disposition: long(),
            content_encoding: long(),
            content_language: long(),
            content_type: long(),
            ..Default::default()
        };
        let large = IssueDownloadUrlRequest {
            response_overrides: Some(overrides),
            version_id: long(),
            ..download(&format!("plain/{}", " ".repeat(900) + "x"))
        };
        self.download("signed-request-too-large", large).await;
    }

    async fn are_refused_by_the_policy(&mut self) {
        self.download("no-tier", download("elsewhere/x")).await;
        self.download("unknown-bucket", IssueDownloadUrlRequest { bucket: "other".to_owned(), ..download("plain/x") })
            .await;
        self.download("not-included", download("pictures/x.txt")).await;
        self.download("tier-ambiguous", download("pictures/cover.jpg")).await;
        self.download("not-granted", download("private/x")).await;
        self.download("denied", download("denied/x")).await;
        let answer = self.with_token("operation-not-offered").issue_upload(upload("pictures/x.jpg")).await;
        self.said("operation-not-offered", answer);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let ended = claims("ada", &json!({ "exp": now - 5 }));
        self.download_with("token-ended", &ended, "short/x", Delay::Fixed).await;
        let elsewhere = claims("ada", &json!({ "hasgroups": true }));
        self.download_with("claim-elsewhere", &elsewhere, "groups/x", Delay::Fixed).await;
        let by = IssueDownloadUrlRequest { endpoint: Some("fast".to_owned()), ..download("plain/x") };
        self.download("endpoint-not-granted", by).await;
        let full = IssueDownloadUrlRequest { ttl: Some(seconds(3_600)), require_full_ttl: true, ..download("short/x") };
        self.download("full-ttl-not-allowed", full).await;
        let answer = self.with_token("within-quota").issue_download(download("scarce/x")).await;
        self.said("within-quota", answer);
        let answer = self.with_token("over-quota").issue_download(download("scarce/x")).await;
        self.said_with("over-quota", answer, Delay::Varies);
    }

    async fn fail(&mut self) {
        let unsigned = IssueDownloadUrlRequest { bucket: "unsigned".to_owned(), ..download("x") };
        self.download("no-credentials", unsigned).await;
        for (id, key) in [
            ("object-missing", "plain/missing"),
            ("storage-refuses", "plain/forbidden"),
            ("storage-fails", "plain/broken"),
        ] {
            self.download(id, IssueDownloadUrlRequest { must_exist: true, ..download(key) }).await;
        }
        self.download("no-version", IssueDownloadUrlRequest { pin_version: true, ..download("plain/x") }).await;
        // A client library would give up by itself and hide the answer.
        let slow = framed(0, b"\x0a\x05media\x12\x0cplain/silent\x40\x01");
        self.raw("timed-out", DOWNLOAD, &[("grpc-timeout", "1S")], slow).await;
    }

    /// Two callers take all places with calls that wait for S3.
    async fn are_too_many(&mut self) {
        let mut waiting = Vec::new();
        for caller in ["ada", "bob"] {
            let authorization = self.authorization(&claims(caller, &json!({})));
            let client = self.client(0, &format!("waiting-{caller}"), &[("authorization", &authorization)]);
            let slow = IssueDownloadUrlRequest { must_exist: true, ..download("plain/silent") };
            waiting.push(tokio::spawn(async move { client.issue_download(slow).await }));
        }
        self.wait_for_calls_in_flight(2).await;
        self.download("over-the-share-of-a-caller", download("plain/x")).await;
        let other = claims("cleo", &json!({}));
        self.download_with("over-all-places", &other, "plain/x", Delay::Fixed).await;
        for call in waiting {
            call.abort();
        }
        self.wait_for_calls_in_flight(0).await;
    }

    async fn wait_for_calls_in_flight(&self, calls: u32) {
        let started = Instant::now();
        let wanted =
            [format!("access_broker_calls_in_flight {calls}"), format!("access_broker_calls_in_flight {calls}.0")];
        loop {
            let page = reqwest::get(format!("http://{}/metrics", self.admin)).await.unwrap().text().await.unwrap();
            if page.lines().any(|line| wanted.iter().any(|wanted| line == wanted)) {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{page}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A call whose head and bytes no client library sends.
    async fn raw(&mut self, id: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) {
        self.ids.push(id.to_owned());
        let mut request = Request::post(format!("http://broker{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("x-request-id", id)
            .header("authorization", self.ada());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.raw.send(request.body(Full::from(body)).unwrap()).await;
        self.said(id, Err::<VerifyUploadResponse, _>(answer.status()));
    }

    async fn have_another_form(&mut self) {
        let good = framed(0, MESSAGE);
        for (id, path, headers, body) in [
            ("no-message", DOWNLOAD, &[][..], vec![]),
            ("several-messages", DOWNLOAD, &[], [good.clone(), good.clone()].concat()),
            ("invalid-compression-flag", DOWNLOAD, &[], framed(7, MESSAGE)),
            ("truncated-message", DOWNLOAD, &[], good[..good.len() - 1].to_vec()),
            ("undecodable-message", DOWNLOAD, &[], framed(0, &[0xff; 3])),
            ("compressed-message", DOWNLOAD, &[("grpc-encoding", "gzip")], framed(1, MESSAGE)),
            ("message-too-large", DOWNLOAD, &[], framed(0, &vec![0x7a; 70_000])),
            ("unknown-method", "/accessbroker.v1.AccessBrokerService/NoSuchMethod", &[], framed(0, b"")),
            ("unknown-service", "/no.such.Service/Method", &[], framed(0, b"")),
            ("health-of-another-service", CHECK, &[], framed(0, b"\x0a\x01x")),
            ("reflection-of-another-symbol", REFLECTION, &[], framed(0, b"\x22\x01x")),
        ] {
            self.raw(id, path, headers, body).await;
        }
    }
}
