//! Which headers of a request mean something.

use serde_json::Value;

use super::{ask, line_of, outcome, post, records};
use crate::support::Broker;
use crate::support::workloads::setup::{THUMBNAILER, listener, start_with};

const MESSAGE: &str = "{\"key\": \"x\"}";

/// What an answer and its audit record say, without what differs from call to call.
async fn issued(broker: &Broker, request: &str) -> (u16, Vec<String>, Value, Value) {
    let before = records(broker).len();
    let answer = ask(broker, request).await;
    let names = answer.headers.keys().map(ToString::to_string).collect();
    let mut body = answer.json();
    for name in ["decisionId", "expiresAt"] {
        body[name] = Value::Null;
    }
    for method in ["get", "head"] {
        let url =
            body[method]["url"].as_str().map(|url| url.split("x-access-broker-decision").next().unwrap().to_owned());
        body[method]["url"] = url.into();
    }
    let mut record = records(broker).into_iter().nth(before).unwrap_or_default();
    for name in ["time", "decision_id", "expires_at", "request_id", "peer", "url", "trace_id"] {
        record.as_object_mut().unwrap().remove(name);
    }
    (answer.status, names, body, record)
}

#[tokio::test]
async fn headers_of_grpc_gateways_and_proxies_have_no_effect() {
    let broker = Broker::builder().start().await;
    let token = format!("authorization: {}\r\n", broker.authorization());
    let plain = issued(&broker, &post("/v1/downloadUrl", &token, MESSAGE)).await;
    assert_eq!((plain.0, plain.3["event"].as_str()), (200, Some("download_url_issued")));
    let forged = format!("x-forwarded-client-cert: URI={THUMBNAILER}");
    for line in [
        "grpc-timeout: 1n",
        "grpc-encoding: gzip",
        "grpc-accept-encoding: gzip",
        "grpc-trace-bin: AAAA",
        "te: trailers",
        "te: gzip",
        "Grpc-Metadata-Authorization: Bearer x",
        "Grpc-Metadata-x-request-id: another",
        "x-http-method-override: DELETE",
        "x-http-method: GET",
        "x-original-url: /openapi.json",
        "x-rewrite-url: /openapi.json",
        "x-original-method: GET",
        "x-forwarded-host: other.example",
        "x-forwarded-proto: https",
        "x-forwarded-for: 192.0.2.1",
        "forwarded: for=192.0.2.1;host=other.example",
        "x-envoy-original-path: /openapi.json",
        "x-envoy-upstream-rq-timeout-ms: 1",
        "x-envoy-expected-rq-timeout-ms: 1",
        &forged,
        "l5d-client-id: thumbnailer.media.serviceaccount.identity.linkerd.prod.example",
        "proxy-authorization: Basic eDp4",
        "x-authorization: Bearer x",
        "cookie: authorization=x; token=y",
        "connection: authorization",
        "range: bytes=0-1",
        "if-none-match: *",
        "accept-encoding: gzip, br",
        "prefer: return=minimal",
        "tracestate: a=b",
        "user-agent: Mozilla/5.0",
    ] {
        let with = issued(&broker, &post("/v1/downloadUrl", &format!("{token}{line}\r\n"), MESSAGE)).await;
        assert_eq!(with, plain, "{line}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_mesh_header_does_not_authenticate_where_a_token_does() {
    let broker = Broker::builder().start().await;
    for line in [
        format!("x-forwarded-client-cert: URI={THUMBNAILER}\r\n"),
        "cookie: authorization=x\r\n".to_owned(),
        format!("proxy-authorization: {}\r\n", broker.authorization()),
        format!("grpc-metadata-authorization: {}\r\n", broker.authorization()),
        format!("x-forwarded-authorization: {}\r\n", broker.authorization()),
    ] {
        let answer = ask(&broker, post("/v1/downloadUrl", &line, MESSAGE)).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{line}");
        assert!(outcome(&line_of(&broker, &answer).await).starts_with("IssueDownloadUrl rest UNAUTHENTICATED "));
    }
    broker.finish().await;
}

#[tokio::test]
async fn repeated_and_invalid_headers_are_refused() {
    let broker = Broker::builder().start().await;
    let token = format!("authorization: {}\r\n", broker.authorization());
    let mut problems = Vec::new();
    for (lines, expected) in [
        (token.repeat(2), "401 IssueDownloadUrl rest UNAUTHENTICATED several_tokens"),
        (format!("{token}authorization: Basic eDp4\r\n"), "401 IssueDownloadUrl rest UNAUTHENTICATED several_tokens"),
        (format!("{token}connect-timeout-ms: 1000\r\n"), "200 IssueDownloadUrl rest OK -"),
        (format!("{token}connect-timeout-ms: \r\n"), "400 IssueDownloadUrl rest INVALID_ARGUMENT invalid_header"),
        (format!("{token}connect-timeout-ms: +1\r\n"), "400 IssueDownloadUrl rest INVALID_ARGUMENT invalid_header"),
        (format!("{token}connect-timeout-ms: 1s\r\n"), "400 IssueDownloadUrl rest INVALID_ARGUMENT invalid_header"),
        (
            format!("{token}connect-timeout-ms: 12345678901\r\n"),
            "400 IssueDownloadUrl rest INVALID_ARGUMENT invalid_header",
        ),
        (
            format!("{token}{}", "connect-timeout-ms: 1000\r\n".repeat(2)),
            "400 IssueDownloadUrl rest INVALID_ARGUMENT invalid_header",
        ),
        (format!("{token}content-encoding: gzip\r\n"), "415 IssueDownloadUrl rest UNIMPLEMENTED compressed_message"),
        (format!("{token}content-encoding: identity\r\n"), "200 IssueDownloadUrl rest OK -"),
        (
            format!("{token}content-encoding: identity, gzip\r\n"),
            "415 IssueDownloadUrl rest UNIMPLEMENTED compressed_message",
        ),
        (
            format!("{token}content-type: application/json\r\n"),
            "415 IssueDownloadUrl rest INVALID_ARGUMENT unsupported_media_type",
        ),
    ] {
        let answer = ask(&broker, post("/v1/downloadUrl", &lines, MESSAGE)).await;
        let line = line_of(&broker, &answer).await;
        let found = format!("{} {}", answer.status, outcome(&line));
        if found != expected {
            problems.push(format!("{found}, not {expected}: {lines}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    broker.finish().await;
}

#[tokio::test]
async fn a_mesh_header_occurs_once_and_proves_the_workload() {
    let settings = "trust_domain = \"prod.example\"\nmesh_header = \"x-forwarded-client-cert\"\n\
                    trusted_hop = [\"loopback\"]\nprotocols = [\"grpc\", \"http\"]";
    let broker = start_with([listener("mesh-header", settings)]).await;
    let header = format!("x-forwarded-client-cert: URI={THUMBNAILER}\r\n");
    let message = "{\"bucket\": \"media\", \"key\": \"thumbnails/x\"}";
    let mut problems = Vec::new();
    for (lines, expected) in [
        (header.clone(), "200 IssueDownloadUrl rest OK -"),
        (header.repeat(2), "400 IssueDownloadUrl rest INVALID_ARGUMENT invalid_header"),
        (String::new(), "401 IssueDownloadUrl rest UNAUTHENTICATED workload_missing"),
        ("l5d-client-id: x\r\n".to_owned(), "401 IssueDownloadUrl rest UNAUTHENTICATED workload_missing"),
        (format!("{header}authorization: Bearer x\r\n"), "200 IssueDownloadUrl rest OK -"),
    ] {
        let answer = ask(&broker, post("/v1/downloadUrl", &lines, message)).await;
        let line = line_of(&broker, &answer).await;
        let found = format!("{} {}", answer.status, outcome(&line));
        if found != expected {
            problems.push(format!("{found}, not {expected}: {lines}"));
        }
        // No token can help here.
        assert_eq!(answer.header("www-authenticate"), None);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    broker.finish().await;
}
