//! Every refusal has its status, its access line and its count.

use std::collections::BTreeMap;

use super::{CONNECT, DOWNLOAD, DOWNLOAD_JSON, ask, assert_common_headers, authorization, get, logged, post, request};
use crate::support::Broker;
use crate::support::http1::Http1Client;

/// A request, its status, and the method, protocol, code and reason of its access line.
type Case = (String, u16, [&'static str; 4]);

#[expect(clippy::too_many_lines, reason = "the lines of one table")]
fn cases(good: &str) -> Vec<Case> {
    let id = "x-request-id: @";
    let unknown = "unknown";
    let with = |method: &str, target: &str, lines: &[&str]| request(method, target, &[&[id, good], lines].concat(), "");
    let posted = |target: &str, lines: &[&str], body: &str| post(target, &[&[id, good], lines].concat(), body);
    let typed = |target: &str, content_type: &[&str]| {
        request("POST", target, &[&[id, good, "content-length: 2"], content_type].concat(), "{}")
    };
    let not_found = [unknown, "rest", "UNIMPLEMENTED", "unknown_method"];
    let malformed = |reason: &'static str| [unknown, "rest", "INVALID_ARGUMENT", reason];
    let download = |code: &'static str, reason: &'static str| ["IssueDownloadUrl", "rest", code, reason];
    vec![
        (with("GET", DOWNLOAD, &[]), 200, download("OK", "-")),
        (with("GET", &format!("{DOWNLOAD}&redirect=true"), &[]), 307, download("OK", "-")),
        (posted("/v1/downloadUrl", &[], DOWNLOAD_JSON), 200, download("OK", "-")),
        (posted(CONNECT, &[], DOWNLOAD_JSON), 200, ["IssueDownloadUrl", "connect", "OK", "-"]),
        (with("GET", "/nothing", &[]), 404, not_found),
        (with("GET", "/", &[]), 404, not_found),
        (with("GET", "/presignedurl?key=x", &[]), 404, not_found),
        (with("GET", "/v1/downloadUrl/", &[]), 404, not_found),
        (with("GET", "/V1/downloadUrl", &[]), 404, not_found),
        (with("OPTIONS", "/nothing", &[]), 404, not_found),
        (posted("/grpc.health.v1.Health/Check", &[], "{}"), 404, not_found),
        (
            posted("/accessbroker.v1.AccessBrokerService/Nothing", &[], "{}"),
            501,
            [unknown, "connect", "UNIMPLEMENTED", "unknown_method"],
        ),
        (with("PUT", DOWNLOAD, &[]), 405, malformed("method_not_allowed")),
        (with("DELETE", "/v1/uploadUrl", &[]), 405, malformed("method_not_allowed")),
        (with("GET", "/v1/uploadUrl", &[]), 405, malformed("method_not_allowed")),
        (with("POST", "/openapi.json", &["content-length: 0"]), 405, malformed("method_not_allowed")),
        (with("PATCH", CONNECT, &[]), 405, [unknown, "connect", "INVALID_ARGUMENT", "method_not_allowed"]),
        (
            with("GET", "/accessbroker.v1.AccessBrokerService/VerifyUpload", &[]),
            405,
            [unknown, "connect", "INVALID_ARGUMENT", "method_not_allowed"],
        ),
        (with("GET", DOWNLOAD, &["accept: text/html"]), 406, download("INVALID_ARGUMENT", "not_acceptable")),
        (with("GET", DOWNLOAD, &["accept: application/json;q=0"]), 406, download("INVALID_ARGUMENT", "not_acceptable")),
        (typed("/v1/downloadUrl", &[]), 415, download("INVALID_ARGUMENT", "unsupported_media_type")),
        (
            typed("/v1/downloadUrl", &["content-type: text/plain"]),
            415,
            download("INVALID_ARGUMENT", "unsupported_media_type"),
        ),
        (
            typed("/v1/downloadUrl", &["content-type: application/x-www-form-urlencoded"]),
            415,
            download("INVALID_ARGUMENT", "unsupported_media_type"),
        ),
        (
            typed("/v1/downloadUrl", &["content-type: application/json"; 2]),
            415,
            download("INVALID_ARGUMENT", "unsupported_media_type"),
        ),
        (
            typed(CONNECT, &["content-type: text/plain"]),
            415,
            ["IssueDownloadUrl", "connect", "INVALID_ARGUMENT", "unsupported_media_type"],
        ),
        (
            posted("/v1/downloadUrl", &["content-encoding: gzip"], DOWNLOAD_JSON),
            415,
            download("UNIMPLEMENTED", "compressed_message"),
        ),
        (
            posted("/v1/downloadUrl", &["content-encoding: identity, gzip"], DOWNLOAD_JSON),
            415,
            download("UNIMPLEMENTED", "compressed_message"),
        ),
        (posted("/v1/downloadUrl", &["content-encoding: identity"], DOWNLOAD_JSON), 200, download("OK", "-")),
        (posted("/v1/downloadUrl", &[], "{"), 400, download("INVALID_ARGUMENT", "undecodable_message")),
        (posted("/v1/downloadUrl", &[], ""), 400, download("INVALID_ARGUMENT", "undecodable_message")),
        (with("GET", &format!("{DOWNLOAD}&key=y"), &[]), 400, download("INVALID_ARGUMENT", "invalid_query")),
        (posted("/v1/downloadUrl?key=x", &[], DOWNLOAD_JSON), 400, download("INVALID_ARGUMENT", "invalid_query")),
        (with("GET", &format!("{DOWNLOAD}&nothing=1"), &[]), 400, download("INVALID_ARGUMENT", "invalid_query")),
        (
            request("GET", DOWNLOAD, &[id, good, "content-length: 1"], "x"),
            400,
            download("INVALID_ARGUMENT", "unexpected_body"),
        ),
        (
            posted("/v1/downloadUrl", &[], r#"{"bucket":"media","key":""}"#),
            400,
            download("INVALID_ARGUMENT", "request_invalid"),
        ),
        (
            posted("/v1/downloadUrl", &[], r#"{"bucket":"other","key":"x"}"#),
            403,
            download("PERMISSION_DENIED", "no_tier"),
        ),
        (get(DOWNLOAD, &[id]), 401, download("UNAUTHENTICATED", "missing_token")),
        (get(DOWNLOAD, &[id, "authorization: Bearer other"]), 401, download("UNAUTHENTICATED", "malformed")),
        (post(CONNECT, &[id], DOWNLOAD_JSON), 401, ["IssueDownloadUrl", "connect", "UNAUTHENTICATED", "missing_token"]),
        (with("GET", DOWNLOAD, &[good]), 401, download("UNAUTHENTICATED", "several_tokens")),
        (with("GET", DOWNLOAD, &["authorization: Basic YTpi"]), 401, download("UNAUTHENTICATED", "several_tokens")),
        (get("/openapi.json", &[id]), 200, ["OpenApi", "rest", "OK", "-"]),
        (request("OPTIONS", DOWNLOAD, &[id], ""), 204, ["Preflight", "rest", "OK", "-"]),
        (
            request("OPTIONS", DOWNLOAD, &[id, "origin: https://other.example"], ""),
            403,
            ["Preflight", "rest", "PERMISSION_DENIED", "cross_site"],
        ),
    ]
}

#[tokio::test]
async fn each_request_has_its_status_its_line_and_its_count() {
    let broker = Broker::builder().start().await;
    let mut malformed: BTreeMap<&str, u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (number, (request, status, expected)) in cases(&authorization(&broker)).into_iter().enumerate() {
        let id = format!("status-{number}");
        let answer = ask(&broker, request.replace('@', &id)).await;
        assert_common_headers(&answer);
        assert_eq!(answer.header("x-request-id"), Some(&*id));
        let has_allow = matches!(answer.status, 204 | 405);
        assert_eq!(answer.header("allow").is_some(), has_allow, "{answer:?}");
        assert_eq!(answer.header("www-authenticate"), (answer.status == 401).then_some("Bearer"), "{answer:?}");
        assert_eq!(answer.header("location").is_some(), answer.status == 307, "{answer:?}");
        if status >= 400 {
            assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
            assert!(answer.json()["message"].is_string(), "{answer:?}");
        }
        let (found, expected_line) = (logged(&broker, &answer).await, expected.join(" "));
        if found != format!("{status} {expected_line}") {
            let first = request.lines().next().unwrap();
            wrong.push(format!("{first}: {found} instead of {status} {expected_line}"));
        }
        *malformed.entry(expected[3]).or_default() += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (reason, count) in malformed {
        let sample = match reason {
            "-" | "request_invalid" | "no_tier" => continue,
            "cross_site" => "access_broker_calls_ended_by_server_total{cause=\"cross_site\"}".to_owned(),
            "missing_token" | "malformed" | "several_tokens" => {
                format!("access_broker_authentication_rejections_total{{reason=\"{reason}\"}}")
            }
            _ => format!("access_broker_malformed_requests_total{{reason=\"{reason}\"}}"),
        };
        broker.wait_for_metric(&sample, count).await;
    }
    // The reason that gRPC has for another method than POST.
    broker.wait_for_metric("access_broker_malformed_requests_total{reason=\"not_post\"}", 0).await;
    broker.finish().await;
}

#[tokio::test]
async fn an_answer_to_head_has_no_body() {
    let broker = Broker::builder().start().await;
    let mut client = Http1Client::connect(broker.address()).await;
    for (target, expected) in [
        (DOWNLOAD, "405 unknown rest INVALID_ARGUMENT method_not_allowed"),
        ("/openapi.json", "405 unknown rest INVALID_ARGUMENT method_not_allowed"),
        ("/nothing", "404 unknown rest UNIMPLEMENTED unknown_method"),
    ] {
        let answer = client.ask(request("HEAD", target, &[], "")).await;
        assert_eq!(logged(&broker, &answer).await, expected, "{target}");
        assert_common_headers(&answer);
    }
    assert_eq!(client.ask(get("/openapi.json", &[])).await.status, 200, "no body is between the answers");
    drop(client);
    broker.finish().await;
}
