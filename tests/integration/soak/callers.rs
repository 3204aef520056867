//! Callers that never rest, and check every answer.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use access_broker::contract::proto::{
    IssueDownloadUrlRequest, IssueUploadUrlRequest, SignedRequest, VerifyUploadRequest, VerifyUploadResponse,
};
use access_broker_dev::EmbeddedIssuer;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time;
use tonic::{Code, Status};

use super::expectation::{Operation, Weather, is_expected};
use super::ledger::Ledger;
use super::world::{CONTENT, KNOWN_KEY, World};
use crate::support::pki::tls_channel;
use crate::support::workloads::setup::{INDEXER, THUMBNAILER};
use crate::support::{Client, ISSUER, PATIENCE, error_info, http_request, tcp_channel, token_with_key_id};

/// The rest between two calls.
const PAUSE: Duration = Duration::from_millis(10);

/// Of so many URLs one is used.
const USED: u64 = 50;

/// A token that outlives the soak.
pub(super) fn authorization(issuer: &EmbeddedIssuer, subject: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "iss": ISSUER, "aud": "broker", "sub": subject, "exp": now + 86_400 });
    format!("Bearer {}", issuer.sign_claims(&claims).unwrap())
}

/// One caller on a connection of its own.
struct Caller {
    name: String,
    client: Client,
    /// Whether it proves itself by a token.
    has_token: bool,
    /// The prefix whose objects some callers are granted, and whether this is one of them.
    own: (&'static str, bool),
    ledger: Arc<Ledger>,
    http: reqwest::Client,
    urls: u64,
}

/// What an answer holds.
struct Answer {
    decision: String,
    signed: Option<SignedRequest>,
}

/// Starts three callers with tokens, on a connection each, and three with certificates. They call until they are told to
/// stop.
pub(super) async fn start(world: &World, ledger: &Arc<Ledger>) -> JoinSet<()> {
    let mut callers = JoinSet::new();
    let http = reqwest::Client::new();
    let caller = |name: String, client, has_token, own| {
        let (ledger, http) = (Arc::clone(ledger), http.clone());
        Caller { name, client, has_token, own, ledger, http, urls: 0 }
    };
    for (index, subject) in ["ada", "ben", "ada"].into_iter().enumerate() {
        let authorization = authorization(&world.issuer, subject);
        let client = Client::over(tcp_channel(world.plain).await, &[("authorization", &authorization)]);
        callers.spawn(caller(format!("{subject}-{index}"), client, true, ("people/", subject == "ada")).call());
    }
    for (index, id) in [THUMBNAILER, INDEXER, THUMBNAILER].into_iter().enumerate() {
        let channel = tls_channel(world.tls, &world.authority, Some(&world.authority.workload(id))).await;
        let own = ("thumbnails/", id == THUMBNAILER);
        callers.spawn(caller(format!("workload-{index}"), Client::over(channel, &[]), false, own).call());
    }
    callers
}

impl Caller {
    async fn call(mut self) {
        for turn in 0_u64.. {
            if self.ledger.is_stopped() {
                return;
            }
            let operation = Operation::ALL[usize::try_from(turn).unwrap() % Operation::ALL.len()];
            let needs_token = matches!(operation, Operation::BadToken | Operation::UnknownKey);
            let waits = operation == Operation::UnknownKey && !self.ledger.unknown_keys();
            if !(needs_token && !self.has_token || waits) {
                self.make(operation, turn).await;
            }
            time::sleep(PAUSE).await;
        }
    }

    async fn make(&mut self, operation: Operation, turn: u64) {
        let begun = self.ledger.weather();
        let answer = time::timeout(PATIENCE, self.ask(operation, turn)).await;
        let weather = [begun, self.ledger.weather()];
        let Ok(answer) = answer else {
            return self.ledger.count_wrong(format!("{} {operation:?}: no answer", self.name));
        };
        let info = answer.as_ref().err().filter(|status| !status.details().is_empty()).map(error_info);
        let code = answer.as_ref().err().map_or(Code::Ok, Status::code);
        let reason = info.as_ref().map_or("", |info| info.reason.as_str());
        let decision = match &answer {
            Ok(answer) => Some(answer.decision.as_str()),
            Err(_) => info.as_ref().and_then(|info| info.metadata.get("decisionId")).map(String::as_str),
        };
        if !is_expected(operation, self.own.1, weather, (code, reason)) {
            let words = answer.as_ref().err().map_or("", Status::message);
            let wrong = format!("{} {operation:?} in {weather:?}: {code:?} {reason}: {words}", self.name);
            return self.ledger.count_wrong(wrong);
        }
        self.ledger.count(code, reason, decision);
        if let Ok(Answer { signed: Some(signed), .. }) = answer {
            self.urls += 1;
            if self.urls % USED == 1 {
                self.use_url(operation, &signed, begun).await;
            }
        }
    }

    async fn ask(&self, operation: Operation, turn: u64) -> Result<Answer, Status> {
        let own = format!("{}mine.txt", self.own.0);
        match operation {
            Operation::Download | Operation::BadToken | Operation::UnknownKey => {
                let token = match operation {
                    Operation::BadToken => Some("rubbish".to_owned()),
                    Operation::UnknownKey => Some(token_with_key_id(&format!("{}-{turn}", self.name))),
                    _ => None,
                };
                let stranger = token
                    .map(|token| self.client.with_metadata([("authorization", format!("Bearer {token}").as_bytes())]));
                download(stranger.as_ref().unwrap_or(&self.client), "media", KNOWN_KEY, false).await
            }
            Operation::Upload => {
                let key = format!("shared/{}.txt", self.name);
                let content_length = Some(CONTENT.len() as u64);
                let message = IssueUploadUrlRequest { key, content_length, ..IssueUploadUrlRequest::default() };
                let answer = self.client.issue_upload(message).await?;
                Ok(Answer { decision: answer.decision_id, signed: answer.put })
            }
            Operation::MustExist => download(&self.client, "media", KNOWN_KEY, true).await,
            Operation::MustExistAndDoesNot => download(&self.client, "media", "shared/missing.txt", true).await,
            Operation::Verify => self.verify(KNOWN_KEY).await,
            Operation::VerifyMissing => self.verify("shared/missing.txt").await,
            Operation::Closed => download(&self.client, "media", "closed/x", false).await,
            Operation::NoSuchBucket => download(&self.client, "no-such-bucket", "x", false).await,
            Operation::Malformed => download(&self.client, "media", "", false).await,
            Operation::Own => download(&self.client, "media", &own, false).await,
        }
    }

    async fn verify(&self, key: &str) -> Result<Answer, Status> {
        let content_length = Some(CONTENT.len() as u64);
        let message = VerifyUploadRequest { key: key.to_owned(), content_length, ..VerifyUploadRequest::default() };
        let VerifyUploadResponse { as_expected, decision_id, .. } = self.client.verify_upload(message).await?;
        if as_expected { Ok(Answer { decision: decision_id, signed: None }) } else { Err(Status::unknown("mismatch")) }
    }

    /// Does with a URL what it is for. Objects of one's own do not exist.
    async fn use_url(&self, operation: Operation, signed: &SignedRequest, begun: Weather) {
        let request = http_request(&self.http, signed);
        let request = if signed.method == "PUT" { request.body(CONTENT) } else { request };
        let answer = async {
            let answer = request.send().await?;
            Ok::<_, reqwest::Error>((answer.status().as_u16(), answer.bytes().await?))
        };
        let answer = answer.await;
        if !begun.has_storage() || !self.ledger.weather().has_storage() {
            return;
        }
        let is_right = answer.as_ref().is_ok_and(|(status, content)| match operation {
            Operation::Own => *status == 404,
            Operation::Upload => *status == 200,
            _ => (*status, &content[..]) == (200, CONTENT),
        });
        if is_right {
            return self.ledger.count_use();
        }
        let answer = answer.map(|(status, _)| status).map_err(reqwest::Error::without_url);
        self.ledger.count_wrong(format!("{} {operation:?}: the URL answered {answer:?}", self.name));
    }
}

async fn download(client: &Client, bucket: &str, key: &str, must_exist: bool) -> Result<Answer, Status> {
    let (bucket, key) = (bucket.to_owned(), key.to_owned());
    let message = IssueDownloadUrlRequest { bucket, key, must_exist, ..IssueDownloadUrlRequest::default() };
    let answer = client.issue_download(message).await?;
    Ok(Answer { decision: answer.decision_id, signed: answer.get })
}
