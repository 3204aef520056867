//! Errors by the schema of the `OpenAPI` document and by the Connect protocol.

use std::fs;
use std::process::Command;

use http::Method;
use serde_json::{Map, Value, json};

use super::broker::{Proof, address, start};
use super::differences::DIFFERENCES;
use super::requests::{Named, REFUSED};
use crate::registry::{Registry, register};
use crate::support::{PATIENCE, Program, folder, run};

pub(super) fn register(registry: &mut Registry<'_>) {
    register!(registry, [JsonSchema], every_error_has_the_form_that_its_protocol_says);
}

const SERVICE: &str = "/accessbroker.v1.AccessBrokerService";

/// Requests that only Connect has: name, HTTP method, method and query, content type, body.
const OF_CONNECT: [(&str, &str, &str, &str, &str); 9] = [
    ("malformed-json", "POST", "IssueDownloadUrl", "application/json", "{"),
    ("unknown-member", "POST", "IssueUploadUrl", "application/json", r#"{"unknown":1}"#),
    ("undecodable-message", "POST", "VerifyUpload", "application/proto", "\u{7f}\u{7f}"),
    ("unknown-media-type", "POST", "IssueDownloadUrl", "text/plain", "{}"),
    ("stream-of-connect", "POST", "IssueDownloadUrl", "application/connect+json", "{}"),
    ("unknown-method", "POST", "NoSuchMethod", "application/json", "{}"),
    ("get-of-an-upload", "GET", "IssueUploadUrl?connect=v1&encoding=json&message={}", "", ""),
    ("get-without-an-encoding", "GET", "IssueDownloadUrl?connect=v1&message={}", "", ""),
    ("get-of-an-invalid-message", "GET", "IssueDownloadUrl?connect=v1&encoding=json&message={}", "", ""),
];

struct Errors<'a> {
    broker: &'a Program,
    http: reqwest::Client,
    found: Vec<Value>,
}

impl Errors<'_> {
    /// Sends a request of a protocol, and keeps its answer.
    async fn add(
        &mut self,
        protocol: &str,
        name: &str,
        target: &str,
        request: reqwest::RequestBuilder,
        reason: Option<&str>,
    ) {
        let request = request.header("x-request-id", name).timeout(PATIENCE).build().unwrap();
        let method = request.method().to_string();
        let answer = self.http.execute(request).await.unwrap();
        let status = answer.status().as_u16();
        let headers = answer.headers().iter();
        let headers: Map<_, Value> =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect();
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default();
        let path = target.split('?').next().unwrap();
        self.found.push(json!({
            "protocol": protocol, "name": name, "method": method, "path": path, "status": status, "headers": headers,
            "body": body, "reason": reason,
        }));
    }

    fn request(&self, method: &str, target: &str, proof: Proof) -> reqwest::RequestBuilder {
        let url = format!("http://{}{target}", address(self.broker));
        let request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        match proof.authorization(self.broker) {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        }
    }

    async fn add_named(&mut self, named: &Named) {
        let timeout = named.timeout.map(|timeout| ("connect-timeout-ms", timeout));
        let prepared = |request: reqwest::RequestBuilder| {
            let request = timeout.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            match named.json {
                Some(json) => request.header("content-type", "application/json").body(json),
                None => request,
            }
        };
        let method = if named.json.is_some() { "POST" } else { "GET" };
        let request = prepared(self.request(method, named.target, named.proof));
        self.add("rest", named.name, named.target, request, Some(named.reason)).await;
        let of_connect = match named.target {
            "/v1/downloadUrl" => "IssueDownloadUrl",
            "/v1/uploadUrl" => "IssueUploadUrl",
            "/v1/verifyUpload" => "VerifyUpload",
            _ => return,
        };
        let target = format!("{SERVICE}/{of_connect}");
        let request = prepared(self.request(method, &target, named.proof));
        self.add("connect", named.name, &target, request, Some(named.reason)).await;
    }
}

async fn every_error_has_the_form_that_its_protocol_says() {
    let broker = start(include_str!("policy.toml")).await;
    let mut errors = Errors { broker: &broker, http: reqwest::Client::new(), found: Vec::new() };
    let over_quota = REFUSED.iter().find(|named| named.name == "over-quota").unwrap();
    // Uses up the quota.
    errors.add_named(over_quota).await;
    errors.found.clear();
    for named in REFUSED {
        errors.add_named(named).await;
    }
    for different in DIFFERENCES.iter().filter(|different| different.broker.0 >= 400) {
        let request = errors.request(different.method, different.target, Proof::Ada);
        let request = match different.method {
            "GET" => request,
            _ => request.header("content-type", different.content_type).body(different.body),
        };
        errors.add("rest", different.name, different.target, request, Some(different.broker.1)).await;
    }
    let accepting = errors.request("GET", "/v1/downloadUrl?bucket=media&key=plain/x", Proof::Ada);
    errors.add("rest", "not-acceptable", "/v1/downloadUrl", accepting.header("accept", "text/html"), None).await;
    for (name, method, target, content_type, body) in OF_CONNECT {
        let target = format!("{SERVICE}/{target}");
        let request = errors.request(method, &target, Proof::Ada);
        let request = if method == "GET" { request } else { request.header("content-type", content_type).body(body) };
        errors.add("connect", name, &target, request, None).await;
    }

    let folder = folder();
    let found = folder.path().join("errors.json");
    fs::write(&found, Value::from(errors.found.clone()).to_string()).unwrap();
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/openapi.json");
    let mut python = Command::new("python3");
    let printed = run(python.args(["-c", include_str!("errors.py"), document]).arg(&found));
    let judged: usize = printed.trim().parse().unwrap();
    assert!(judged >= 80, "{judged} errors");
    println!("{judged} errors");
    broker.finish();
}
