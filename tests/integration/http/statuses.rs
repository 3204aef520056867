//! Statuses of HTTP, each with its access line and its counters.

use super::{ask, line_of, outcome, post, request};
use crate::support::Broker;
use crate::support::http1::Http1Answer;

const MESSAGE: &str = "{\"key\": \"x\"}";

/// What every answer of a call has, also a failure.
pub(super) fn assert_common_headers(answer: &Http1Answer) {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("vary", "Authorization, Origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{answer:?}");
    }
    assert!(answer.header("x-request-id").is_some_and(|id| !id.is_empty()), "{answer:?}");
    assert_eq!(answer.headers.keys_len(), answer.headers.len(), "no header twice: {answer:?}");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the lines of one table")]
async fn every_status_has_its_line_its_counter_and_the_common_headers() {
    let broker = Broker::builder()
        .config(|config| config.limits.max_message_size = 4 * 1_024)
        .setting("presignedurl", "bucket", "media")
        .start()
        .await;
    let token = format!("authorization: {}\r\n", broker.authorization());
    let get = |target: &str, lines: &str| request("GET", target, &format!("{token}{lines}"), "");
    let large = format!("{{\"key\": \"{}\"}}", "x".repeat(5_000));
    let chunked = format!("{token}content-type: application/json\r\ntransfer-encoding: chunked\r\n");
    let chunks = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let connect = "/accessbroker.v1.AccessBrokerService";
    let mut problems = Vec::new();
    for (request, expected) in [
        (get("/v1/downloadUrl?key=x", ""), "200 IssueDownloadUrl rest OK -"),
        (get("/v1/downloadUrl?key=x&redirect=true", ""), "307 IssueDownloadUrl rest OK -"),
        (get("/presignedurl?key=x", ""), "200 IssueDownloadUrl presignedurl OK -"),
        (get("/nothing", ""), "404 unknown rest UNIMPLEMENTED unknown_method"),
        (get("/v1/downloadUrl/", ""), "404 unknown rest UNIMPLEMENTED unknown_method"),
        (get("/V1/downloadUrl", ""), "404 unknown rest UNIMPLEMENTED unknown_method"),
        (post(&format!("{connect}/Nothing"), &token, "{}"), "501 unknown connect UNIMPLEMENTED unknown_method"),
        (post("/grpc.health.v1.Health/Check", &token, "{}"), "404 unknown rest UNIMPLEMENTED unknown_method"),
        (request("PUT", "/v1/downloadUrl", &token, ""), "405 unknown rest INVALID_ARGUMENT method_not_allowed"),
        (request("HEAD", "/v1/downloadUrl", &token, ""), "405 unknown rest INVALID_ARGUMENT method_not_allowed"),
        (get("/v1/uploadUrl", ""), "405 unknown rest INVALID_ARGUMENT method_not_allowed"),
        (get(&format!("{connect}/VerifyUpload"), ""), "405 unknown connect INVALID_ARGUMENT method_not_allowed"),
        (post("/openapi.json", &token, "{}"), "405 unknown rest INVALID_ARGUMENT method_not_allowed"),
        (
            get("/v1/downloadUrl?key=x", "accept: text/html\r\n"),
            "406 IssueDownloadUrl rest INVALID_ARGUMENT not_acceptable",
        ),
        (post("/v1/downloadUrl", &token, &large), "413 IssueDownloadUrl rest RESOURCE_EXHAUSTED message_too_large"),
        (
            request("POST", "/v1/downloadUrl", &chunked, &chunks),
            "413 IssueDownloadUrl rest RESOURCE_EXHAUSTED message_too_large",
        ),
        (
            request("POST", "/v1/downloadUrl", &format!("{token}content-length: 12\r\n"), MESSAGE),
            "415 IssueDownloadUrl rest INVALID_ARGUMENT unsupported_media_type",
        ),
        (
            request(
                "POST",
                "/v1/downloadUrl",
                &format!("{token}content-type: application/x-www-form-urlencoded\r\ncontent-length: 5\r\n"),
                "key=x",
            ),
            "415 IssueDownloadUrl rest INVALID_ARGUMENT unsupported_media_type",
        ),
        (
            request("GET", "/v1/downloadUrl?key=x", &format!("{token}content-length: 2\r\n"), "{}"),
            "400 IssueDownloadUrl rest INVALID_ARGUMENT unexpected_body",
        ),
        (get("/v1/downloadUrl?key=a&key=b", ""), "400 IssueDownloadUrl rest INVALID_ARGUMENT invalid_query"),
        (post("/v1/downloadUrl?key=x", &token, MESSAGE), "400 IssueDownloadUrl rest INVALID_ARGUMENT invalid_query"),
        (post("/v1/downloadUrl", &token, "{\"key\""), "400 IssueDownloadUrl rest INVALID_ARGUMENT undecodable_message"),
        (post("/v1/downloadUrl", &token, ""), "400 IssueDownloadUrl rest INVALID_ARGUMENT undecodable_message"),
        (post("/v1/downloadUrl", "", MESSAGE), "401 IssueDownloadUrl rest UNAUTHENTICATED missing_token"),
        (
            post("/v1/downloadUrl", "authorization: Bearer x\r\n", MESSAGE),
            "401 IssueDownloadUrl rest UNAUTHENTICATED malformed",
        ),
        (
            request("GET", "/presignedurl?key=x", "", ""),
            "401 IssueDownloadUrl presignedurl UNAUTHENTICATED missing_token",
        ),
        (
            post(&format!("{connect}/IssueDownloadUrl"), "", MESSAGE),
            "401 IssueDownloadUrl connect UNAUTHENTICATED missing_token",
        ),
        (request("GET", "/openapi.json", "", ""), "200 OpenApi rest OK -"),
        (request("OPTIONS", "/v1/downloadUrl", "", ""), "204 Preflight rest OK -"),
        (request("OPTIONS", "/nothing", "", ""), "404 unknown rest UNIMPLEMENTED unknown_method"),
        (
            request("OPTIONS", "/v1/downloadUrl", "origin: https://other.example\r\n", ""),
            "403 Preflight rest PERMISSION_DENIED cross_site",
        ),
    ] {
        let answer = ask(&broker, &request).await;
        let line = line_of(&broker, &answer).await;
        let found = format!("{} {}", answer.status, outcome(&line));
        if found != expected {
            problems.push(format!("{found}, not {expected}: {request}"));
        }
        assert_common_headers(&answer);
        assert_eq!(answer.status == 405 || answer.status == 204, answer.header("allow").is_some(), "{answer:?}");
        assert_eq!(answer.status == 401, answer.header("www-authenticate").is_some(), "{answer:?}");
        assert_eq!(answer.status == 307, answer.header("location").is_some(), "{answer:?}");
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    for (reason, count) in [
        ("unknown_method", 6),
        ("method_not_allowed", 5),
        ("not_acceptable", 1),
        ("unsupported_media_type", 2),
        ("unexpected_body", 1),
        ("invalid_query", 2),
        ("undecodable_message", 2),
        ("not_post", 0),
    ] {
        broker.wait_for_metric(&format!("access_broker_malformed_requests_total{{reason=\"{reason}\"}}"), count).await;
    }
    broker.finish().await;
}
