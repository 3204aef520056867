//! Headers that mean something to gateways, proxies or gRPC, and nothing here.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::{DOWNLOAD, DOWNLOAD_JSON, authorization, get, line_of, post};
use crate::support::Broker;
use crate::support::raw_http1::Http1Client;
use crate::support::workloads::setup::{INDEXER, THUMBNAILER, listener, start_with};

/// What the next steps must not read.
const FOREIGN: [&str; 30] = [
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
];

/// A decision, as the caller, the audit trail and the log have it, without what differs from call to call.
async fn decision(broker: &Broker, request: &str, id: &str) -> (u16, Value, Value, Value) {
    let answer = Http1Client::connect(broker.address()).await.ask(request.replace('@', id)).await;
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
    (answer.status, body, record, line)
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
        (
            "connect",
            post(
                "/accessbroker.v1.AccessBrokerService/IssueDownloadUrl",
                &["x-request-id: @", &good, "x-foreign: 1"],
                DOWNLOAD_JSON,
            ),
        ),
    ] {
        let usual = decision(&broker, &request, &format!("{face}-usual")).await;
        assert_eq!(usual.0, 200, "{usual:?}");
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
    for name in [
        "Grpc-Metadata-authorization",
        "proxy-authorization",
        "x-authorization",
        "x-forwarded-authorization",
        "x-original-authorization",
        "authorization-bin",
        "cookie",
    ] {
        let answer =
            Http1Client::connect(broker.address()).await.ask(get(DOWNLOAD, &[&format!("{name}: {token}")])).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{name}");
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
        (&["connect-timeout-ms: -1"], 400),
        (&["connect-timeout-ms: +1"], 400),
        (&["connect-timeout-ms: 1.5"], 400),
        (&["connect-timeout-ms: 1e9"], 400),
        (&["connect-timeout-ms:"], 400),
        (&["connect-timeout-ms: 60000, 60000"], 400),
        (&["connect-timeout-ms: 60000", "connect-timeout-ms: 60000"], 400),
    ] {
        for face in ["/v1/downloadUrl", "/accessbroker.v1.AccessBrokerService/IssueDownloadUrl"] {
            let request = post(face, &[lines, &[&*good]].concat(), DOWNLOAD_JSON);
            let answer = Http1Client::connect(broker.address()).await.ask(request).await;
            assert_eq!(answer.status, status, "{face} {lines:?} {answer:?}");
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
    for (number, (listener, lines, status)) in [
        (0, &[&*thumbnailer][..], 200),
        (0, &[&indexer], 403),
        (0, &[], 401),
        (0, &[l5d], 401),
        (0, &[&thumbnailer, l5d], 200),
        (0, &[&thumbnailer, &thumbnailer], 400),
        (0, &[&thumbnailer, &indexer], 400),
        (0, &[&indexer, &thumbnailer], 400),
        (1, &[l5d], 200),
        (1, &[&thumbnailer], 401),
        (1, &[l5d, l5d], 400),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("x-request-id: mesh-{number}");
        let request = post("/v1/downloadUrl", &[lines, &[&*id]].concat(), body);
        let answer = Http1Client::connect(broker.address_of(listener)).await.ask(request).await;
        assert_eq!(answer.status, status, "{listener} {lines:?} {answer:?}");
        line_of(&broker, &format!("mesh-{number}")).await;
        assert_eq!(answer.header("www-authenticate"), None, "no scheme of HTTP is the proof");
    }
    broker.finish().await;
}
