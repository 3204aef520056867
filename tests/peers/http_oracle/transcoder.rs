//! The broker's JSON and that of Envoy's transcoder in front of the same broker.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use http::Method;
use serde_json::{Value, json};

use super::broker::{Proof, address, start};
use super::differences::{Because, DIFFERENCES, Different};
use super::requests::{Named, PERMITTED, REFUSED};
use crate::contract::transcoder::{base_of, start_transcoder};
use crate::registry::{Registry, register};
use crate::support::{PATIENCE, Program};

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(registry, [Envoy, Buf], the_broker_and_envoys_transcoder_answer_with_the_same_json);
}

/// Parameters of a presigned URL that differ from call to call. Envoy and the broker may sign in different seconds.
const VARYING_PARAMETERS: [&str; 4] = ["X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature", "x-access-broker-decision"];

/// Members that differ from call to call.
const VARYING_MEMBERS: [&str; 4] = ["decisionId", "expiresAt", "retryDelay", "x-amz-meta-access-broker-decision"];

/// An answer, with what varies masked.
#[derive(PartialEq, Eq)]
pub(super) struct Answer {
    status: u16,
    content_type: String,
    /// `null` for a body that is not JSON.
    body: Value,
}

impl Answer {
    pub(super) async fn to(request: reqwest::RequestBuilder) -> Self {
        let answer = request.timeout(PATIENCE).send().await.unwrap();
        let status = answer.status().as_u16();
        let content_type = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        let bytes = answer.bytes().await.unwrap();
        let mut body = serde_json::from_slice(&bytes).unwrap_or_default();
        mask(&mut body);
        Self { status, content_type: content_type.unwrap_or_default(), body }
    }

    /// The reason of an error.
    fn reason(&self) -> &str {
        let mut details = self.body["details"].as_array().into_iter().flatten();
        details.find_map(|detail| detail["reason"].as_str()).unwrap_or_default()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.status, self.content_type, self.body)
    }
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if VARYING_MEMBERS.contains(&&**name) && !text.is_empty() => {
                        *member = "masked".into();
                    }
                    Value::String(url) if name == "url" => *member = masked_url(url).into(),
                    _ => mask(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

/// Its parameters in order, without the varying values.
fn masked_url(url: &str) -> String {
    let Some((place, query)) = url.split_once('?') else { return url.to_owned() };
    let masked = query.split('&').map(|pair| {
        let name = pair.split('=').next().unwrap();
        if VARYING_PARAMETERS.contains(&name) { format!("{name}=masked") } else { pair.to_owned() }
    });
    format!("{place}?{}", masked.collect::<Vec<_>>().join("&"))
}

/// Whether two answers differ as they do for this cause.
fn has_cause(because: Because, ours: &Answer, theirs: &Answer) -> bool {
    match because {
        Because::TextOfEnvoy => ours.status >= 400 && theirs.status >= 400 && theirs.content_type == "text/plain",
        Because::LenientParser => {
            // The last of repeated values, and an invalid escape as it was sent.
            let url = ["get", "put"].map(|method| theirs.body[method]["url"].as_str().unwrap_or_default()).concat();
            ours.status >= 400
                && theirs.status == 200
                && ["/plain/x?", "/plain/%25zz?"].iter().any(|key| url.contains(key))
        }
        Because::StatusOfCode => ours.status != theirs.status && ours.body == theirs.body,
        Because::OtherMessage => {
            let text = |answer: &Answer| answer.body["message"].to_string();
            (ours.status, ours.reason()) == (theirs.status, theirs.reason()) && text(ours) != text(theirs)
        }
        Because::OnlyInBroker => ours.status < 400 && theirs.status >= 400,
    }
}

/// Who answers: the broker, or Envoy in front of it.
struct Faces<'a> {
    broker: &'a Program,
    http: reqwest::Client,
    bases: [String; 2],
}

impl Faces<'_> {
    async fn answers(&self, request: impl Fn(&str) -> reqwest::RequestBuilder) -> [Answer; 2] {
        let [ours, theirs] = &self.bases;
        [Answer::to(request(ours)).await, Answer::to(request(theirs)).await]
    }

    async fn answers_to(&self, named: &Named) -> [Answer; 2] {
        self.answers(|base| {
            let url = format!("{base}{}", named.target);
            let request = match named.json {
                None => self.http.get(url),
                Some(json) => self.http.post(url).header("content-type", "application/json").body(json),
            };
            let request = self.proven(request, named.proof).header("x-request-id", named.name);
            match named.timeout {
                None => request,
                // Each face reads one of them.
                Some(timeout) => {
                    request.header("connect-timeout-ms", timeout).header("grpc-timeout", format!("{timeout}m"))
                }
            }
        })
        .await
    }

    async fn answers_to_different(&self, different: &Different) -> [Answer; 2] {
        self.answers(|base| {
            let method = Method::from_bytes(different.method.as_bytes()).unwrap();
            let request = self.http.request(method, format!("{base}{}", different.target));
            let request = match different.method {
                "GET" => request,
                _ => request.header("content-type", different.content_type).body(different.body),
            };
            self.proven(request, Proof::Ada).header("x-request-id", different.name)
        })
        .await
    }

    fn proven(&self, request: reqwest::RequestBuilder, proof: Proof) -> reqwest::RequestBuilder {
        match proof.authorization(self.broker) {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        }
    }
}

async fn the_broker_and_envoys_transcoder_answer_with_the_same_json() {
    let broker = start(include_str!("policy.toml")).await;
    let address = address(&broker);
    let envoy = start_transcoder(address.port()).await;
    // A redirect is an answer.
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let faces = Faces { broker: &broker, http, bases: [format!("http://{address}"), base_of(&envoy)] };
    // Uses up the quota.
    let scarce = REFUSED.iter().find(|named| named.name == "over-quota").unwrap();
    faces.answers_to(scarce).await;

    let mut problems = String::new();
    let mut statuses = BTreeMap::new();
    for named in PERMITTED.iter().chain(REFUSED) {
        let [ours, theirs] = faces.answers_to(named).await;
        *statuses.entry(ours.status).or_insert(0) += 1;
        if (ours.status, ours.reason()) != (named.status, named.reason) {
            writeln!(problems, "{}: expected {} {}\n  broker: {ours:?}", named.name, named.status, named.reason)
                .unwrap();
        }
        if ours != theirs {
            writeln!(problems, "{}:\n  broker: {ours:?}\n  envoy:  {theirs:?}", named.name).unwrap();
        }
    }
    for different in DIFFERENCES {
        let [ours, theirs] = faces.answers_to_different(different).await;
        let seen = (ours.status, ours.reason(), theirs.status);
        let expected = (different.broker.0, different.broker.1, different.envoy);
        if seen != expected {
            writeln!(problems, "{}: expected {expected:?}\n  broker: {ours:?}\n  envoy:  {theirs:?}", different.name)
                .unwrap();
        }
        if !has_cause(different.because, &ours, &theirs) {
            writeln!(
                problems,
                "{}: not {:?}\n  broker: {ours:?}\n  envoy:  {theirs:?}",
                different.name, different.because
            )
            .unwrap();
        }
    }
    assert!(problems.is_empty(), "{problems}");
    assert!(PERMITTED.len() >= 20 && PERMITTED.len() + REFUSED.len() >= 40, "{}", PERMITTED.len() + REFUSED.len());
    println!("answers by status, equal in both: {}", json!(statuses));
    drop(envoy);
    broker.finish();
}
