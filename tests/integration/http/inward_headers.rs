//! Headers that mean something to gateways, proxies or gRPC, and nothing here.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::{CONNECT, DOWNLOAD, DOWNLOAD_JSON, ask, authorization, get, line_of, logged, post};
use crate::support::Broker;
use crate::support::http1::Http1Client;
use crate::support::workloads::setup::{INDEXER, THUMBNAILER, listener, start_with};

/// Headers that no later step may read.
const FOREIGN: [&str; 41] = [
    "grpc-timeout: 1n",
    "grpc-timeout: rubbish",
    "grpc-encoding: gzip",
    "grpc-accept-encoding: gzip",
    "grpc-status: 0",
    "grpc-trace-bin: AAAA",
    "grpc-tags-bin: AAAA",
    "x-anything-bin: not base64!",
    "te: trailers",
    "te: gzip",
    "Grpc-Metadata-authorization: Bearer other",
    "Grpc-Metadata-x-request-id: other",
    "Grpc-Metadata-grpc-timeout: 1n",
    "x-http-method-override: DELETE",
    "x-http-method: DELETE",
    "x-method-override: DELETE",
    "x-original-url: /v1/uploadUrl",
    "x-rewrite-url: /v1/uploadUrl",
    "x-forwarded-for: 192.0.2.1",
    "x-forwarded-host: other",
    "x-forwarded-prefix: /other",
    "forwarded: for=192.0.2.1;host=other",
    "x-envoy-original-path: /v1/uploadUrl",
    "x-envoy-expected-rq-timeout-ms: 1",
    "x-forwarded-client-cert: URI=spiffe://prod.example/ns/media/sa/thumbnailer",
    "l5d-client-id: thumbnailer.media.serviceaccount.identity.linkerd.prod.example",
    "cookie: authorization=other",
    "proxy-authorization: Bearer other",
    "x-amz-security-token: other",
    "content-language: de",
    "x-original-method: GET",
    "x-forwarded-proto: https",
    "x-envoy-upstream-rq-timeout-ms: 1",
    "x-authorization: Bearer other",
    "connection: authorization",
    "range: bytes=0-1",
    "if-none-match: *",
    "accept-encoding: gzip, br",
    "prefer: return=minimal",
    "tracestate: a=b",
    "user-agent: Mozilla/5.0",
];

/// A decision, as the caller, the audit trail and the log have it, without what differs from call to call.
#[derive(Debug, PartialEq)]
struct Decision {
    status: u16,
    /// The names of the answer's headers.
    headers: Vec<String>,
    body: Value,
    record: Value,
    line: Value,
}

async fn decision(broker: &Broker, request: &str, id: &str) -> Decision {
    let answer = ask(broker, request.replace('@', id)).await;
    let headers = answer.headers.iter().map(|(name, _)| name.clone()).collect();
    let mut body = answer.json();
    let mut line = line_of(broker, id).await;
    let written = fs::read_to_string(broker.setup.path("audit.jsonl")).unwrap();
    let mut record: Value = serde_json::from_str(written.lines().last().unwrap()).unwrap();
    assert_eq!(record["request_id"], id);
    body.as_object_mut().unwrap().remove("decisionId");
    // The decision's id is in the URL, and signed.
    let kept = |part: &&str| !part.contains("x-access-broker-decision=") && !part.contains("X-Amz-Signature=");
    for name in ["get", "head"] {
        let url = body[name]["url"].as_str().unwrap();
        body[name]["url"] = url.split(['?', '&']).filter(kept).collect::<Vec<_>>().join("&").into();
    }
    for (value, names) in [
        (&mut line, &["timestamp", "duration_ms", "request_id", "decision_id", "trace_id"][..]),
        (&mut record, &["request_id", "decision_id", "id", "time", "recorded_at", "peer"]),
    ] {
        for name in names {
            value.as_object_mut().unwrap().remove(*name);
        }
    }
    Decision { status: answer.status, headers, body, record, line }
}

#[tokio::test]
async fn they_change_neither_the_answer_nor_the_record() {
    let broker = Broker::builder().start().await;
    // Times are in signatures.
    let now = SystemTime::now();
    broker
        .clock
        .set(now - Duration::from_nanos(u64::from(now.duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos())));
    let good = authorization(&broker);
    for (face, request) in [
        ("get", get(DOWNLOAD, &["x-request-id: @", &good, "x-foreign: 1"])),
        ("post", post("/v1/downloadUrl", &["x-request-id: @", &good, "x-foreign: 1"], DOWNLOAD_JSON)),
        ("connect", post(CONNECT, &["x-request-id: @", &good, "x-foreign: 1"], DOWNLOAD_JSON)),
    ] {
        let usual = decision(&broker, &request, &format!("{face}-usual")).await;
        assert_eq!(usual.status, 200, "{usual:?}");
        assert_eq!(usual.record["event"], "download_url_issued");
        for (number, foreign) in FOREIGN.into_iter().enumerate() {
            let request = request.replace("x-foreign: 1", foreign);
            let found = decision(&broker, &request, &format!("{face}-{number}")).await;
            assert_eq!(found, usual, "{face} {foreign}");
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn no_other_header_is_a_proof() {
    let broker = Broker::builder().start().await;
    let token = broker.authorization();
    let xfcc = format!("x-forwarded-client-cert: URI={THUMBNAILER}");
    for line in [
        &*format!("Grpc-Metadata-authorization: {token}"),
        &*format!("proxy-authorization: {token}"),
        &*format!("x-authorization: {token}"),
        &*format!("x-forwarded-authorization: {token}"),
        &*format!("x-original-authorization: {token}"),
        &*format!("authorization-bin: {token}"),
        &*format!("cookie: {token}"),
        "cookie: authorization=other",
        &*xfcc,
    ] {
        let answer = ask(&broker, get(DOWNLOAD, &[line])).await;
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{line}");
        let found = logged(&broker, &answer).await;
        assert_eq!(found, "401 IssueDownloadUrl rest UNAUTHENTICATED missing_token", "{line}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_deadline_has_one_form() {
    let broker = Broker::builder().start().await;
    let good = authorization(&broker);
    for (lines, status) in [
        (&["connect-timeout-ms: 60000"][..], 200),
        (&["connect-timeout-ms: 9999999999"], 200),
        (&["connect-timeout-ms: 12345678901"], 400),
        (&["connect-timeout-ms: soon"], 400),
        (&["connect-timeout-ms: 1s"], 400),
        (&["connect-timeout-ms: -1"], 400),
        (&["connect-timeout-ms: +1"], 400),
        (&["connect-timeout-ms: 1.5"], 400),
        (&["connect-timeout-ms: 1e9"], 400),
        (&["connect-timeout-ms:"], 400),
        (&["connect-timeout-ms: 60000, 60000"], 400),
        (&["connect-timeout-ms: 60000", "connect-timeout-ms: 60000"], 400),
    ] {
        for (target, protocol) in [("/v1/downloadUrl", "rest"), (CONNECT, "connect")] {
            let answer = ask(&broker, post(target, &[lines, &[&*good]].concat(), DOWNLOAD_JSON)).await;
            let end = if status == 200 { "OK -" } else { "INVALID_ARGUMENT invalid_header" };
            let expected = format!("{status} IssueDownloadUrl {protocol} {end}");
            assert_eq!(logged(&broker, &answer).await, expected, "{target} {lines:?} {answer:?}");
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_mesh_header_counts_once_and_only_where_it_is_the_proof() {
    let mesh = |header: &str| {
        let settings =
            "trust_domain = \"prod.example\"\ntrusted_hop = [\"loopback\"]\nprotocols = [\"grpc\", \"http\"]";
        listener("mesh-header", &format!("{settings}\nmesh_header = \"{header}\""))
    };
    let broker = start_with([mesh("x-forwarded-client-cert"), mesh("l5d-client-id")]).await;
    let body = r#"{"bucket":"media","key":"thumbnails/x"}"#;
    let (thumbnailer, indexer) =
        (format!("x-forwarded-client-cert: URI={THUMBNAILER}"), format!("x-forwarded-client-cert: URI={INDEXER}"));
    let l5d = "l5d-client-id: thumbnailer.media.serviceaccount.identity.linkerd.prod.example";
    let (missing, repeated) = (
        "401 IssueDownloadUrl rest UNAUTHENTICATED workload_missing",
        "400 IssueDownloadUrl rest INVALID_ARGUMENT invalid_header",
    );
    let (issued, denied) =
        ("200 IssueDownloadUrl rest OK -", "403 IssueDownloadUrl rest PERMISSION_DENIED not_granted");
    for (listener, lines, expected) in [
        (0, &[&*thumbnailer][..], issued),
        (0, &[&thumbnailer, "authorization: Bearer other"], issued),
        (0, &[&indexer], denied),
        (0, &[], missing),
        (0, &[l5d], missing),
        (0, &[&thumbnailer, l5d], issued),
        (0, &[&thumbnailer, &thumbnailer], repeated),
        (0, &[&thumbnailer, &indexer], repeated),
        (0, &[&indexer, &thumbnailer], repeated),
        (1, &[l5d], issued),
        (1, &[&thumbnailer], missing),
        (1, &[l5d, l5d], repeated),
    ] {
        let request = post("/v1/downloadUrl", lines, body);
        let answer = Http1Client::connect(broker.address_of(listener)).await.ask(request).await;
        assert_eq!(logged(&broker, &answer).await, expected, "{listener} {lines:?} {answer:?}");
        assert_eq!(answer.header("www-authenticate"), None, "no scheme of HTTP is the proof");
    }
    broker.finish().await;
}
