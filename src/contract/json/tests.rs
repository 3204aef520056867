//! The contract's messages as JSON. The tests of `access_broker_protojson` have the rules of the mapping.

use std::time::Duration;

use access_broker_protojson::InvalidMessage;
use prost::Message;
use prost_reflect::Kind;
use tonic_types::{ErrorDetails, StatusExt};

use super::{ContractMessage, DESCRIPTORS, descriptor, status_json};
use crate::contract::proto::{self, IssueDownloadUrlRequest, IssueUploadUrlRequest, ResponseOverrides};

fn written(text: Result<Vec<u8>, InvalidMessage>) -> String {
    String::from_utf8(text.unwrap()).unwrap()
}

#[test]
fn requests_are_read_from_json() {
    let expected = IssueDownloadUrlRequest {
        bucket: "media".to_owned(),
        key: "tier 1/é.jpg".to_owned(),
        ttl: Some(prost_types::Duration { seconds: 900, nanos: 0 }),
        version_id: Some(String::new()),
        ..IssueDownloadUrlRequest::default()
    };
    let text = r#"{"bucket":"media","key":"tier 1/é.jpg","ttl":"900s","version_id":""}"#;
    assert_eq!(IssueDownloadUrlRequest::from_json(text.as_bytes()).unwrap(), expected);
    assert_eq!(IssueUploadUrlRequest::from_json(b"{}").unwrap(), IssueUploadUrlRequest::default());
}

#[test]
fn requests_are_read_from_query_strings() {
    let query = "ttl=900s&must_exist=true&redirect=true&response_overrides.disposition.type=2\
        &responseOverrides.disposition.filename=x&responseOverrides.contentType=b%2Fc";
    let overrides = ResponseOverrides {
        content_type: Some("b/c".to_owned()),
        disposition: Some(proto::Disposition { r#type: 2, filename: Some("x".to_owned()) }),
        ..ResponseOverrides::default()
    };
    let expected = IssueDownloadUrlRequest {
        ttl: Some(prost_types::Duration { seconds: 900, nanos: 0 }),
        response_overrides: Some(overrides),
        must_exist: true,
        ..IssueDownloadUrlRequest::default()
    };
    let (read, [redirect]) = IssueDownloadUrlRequest::from_query(query, ["redirect"]).unwrap();
    assert_eq!((read, redirect.as_deref()), (expected, Some("true")));
}

#[test]
fn answers_have_canonical_json_with_sorted_maps() {
    let signed = proto::SignedRequest {
        method: "GET".to_owned(),
        url: "https://s3.example/a?b".to_owned(),
        headers: ["b", "c", "a"].map(|name| (name.to_owned(), String::new())).into(),
    };
    let answer = proto::IssueDownloadUrlResponse {
        get: Some(signed),
        expires_at: Some(prost_types::Timestamp { seconds: 1_800_000_000, nanos: 0 }),
        expiry_limited_by: 2,
        object: Some(proto::StoredObject { size: u64::MAX, ..Default::default() }),
        ..Default::default()
    };
    assert_eq!(
        written(answer.to_json()),
        r#"{"get":{"method":"GET","url":"https://s3.example/a?b","headers":{"a":"","b":"","c":""}},"expiresAt":"2027-01-15T08:00:00Z","expiryLimitedBy":"EXPIRY_LIMIT_TIER_DEFAULT_TTL","object":{"size":"18446744073709551615"}}"#
    );
}

#[test]
fn a_status_has_its_details_in_the_open() {
    let metadata = ["decisionId", "availableTtlSeconds"].map(|name| (name.to_owned(), "1".to_owned()));
    let mut details = ErrorDetails::with_error_info("REASON", "accessbroker.v1", metadata);
    details.set_bad_request(vec![tonic_types::FieldViolation::new("key", "key is required")]);
    details.set_quota_failure(vec![tonic_types::QuotaViolation::new("tier", "quota exceeded")]);
    details.set_retry_info(Some(Duration::from_millis(1500)));
    details.set_request_info("id", "");
    let status = tonic::Status::with_error_details(tonic::Code::PermissionDenied, "no", details);
    assert_eq!(
        written(status_json(status.details())),
        concat!(
            r#"{"code":7,"message":"no","details":["#,
            r#"{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.500s"},"#,
            r#"{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"subject":"tier","description":"quota exceeded"}]},"#,
            r#"{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"REASON","domain":"accessbroker.v1","metadata":{"availableTtlSeconds":"1","decisionId":"1"}},"#,
            r#"{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"key","description":"key is required"}]},"#,
            r#"{"@type":"type.googleapis.com/google.rpc.RequestInfo","requestId":"id"}]}"#
        )
    );
    let duration = "type.googleapis.com/google.protobuf.Duration".to_owned();
    let duration = prost_types::Any { type_url: duration, value: Vec::new() };
    let well_known = tonic_types::Status { code: 0, message: String::new(), details: vec![duration] };
    assert_eq!(
        written(status_json(&well_known.encode_to_vec())),
        r#"{"details":[{"@type":"type.googleapis.com/google.protobuf.Duration","value":"0s"}]}"#
    );
    let unknown = prost_types::Any { type_url: "type.googleapis.com/unknown.Message".to_owned(), value: Vec::new() };
    let unknown = tonic_types::Status { code: 7, message: String::new(), details: vec![unknown] };
    assert!(status_json(&unknown.encode_to_vec()).is_err());
}

#[test]
fn the_contract_has_only_types_that_json_requests_support() {
    let service = DESCRIPTORS.get_service_by_name("accessbroker.v1.AccessBrokerService").unwrap();
    let mut messages: Vec<_> = service.methods().flat_map(|method| [method.input(), method.output()]).collect();
    assert_eq!(messages.len(), 6);
    let mut seen = Vec::new();
    while let Some(message) = messages.pop() {
        for field in message.fields() {
            if field.is_map() {
                let entry = field.kind().as_message().cloned().unwrap();
                assert!(matches!(entry.map_entry_key_field().kind(), Kind::String), "{}", field.full_name());
            }
            if let Kind::Message(inner) = field.kind() {
                let is_supported = match inner.full_name().strip_prefix("google.protobuf.") {
                    Some(name) => ["Duration", "Timestamp"].contains(&name),
                    None => true,
                };
                assert!(is_supported, "{}", field.full_name());
                if !seen.contains(&inner) {
                    messages.push(inner);
                }
            }
        }
        seen.push(message);
    }
    for name in ["ErrorInfo", "BadRequest", "RetryInfo", "QuotaFailure", "RequestInfo", "Status"] {
        assert!(descriptor(&format!("google.rpc.{name}")).is_some(), "{name}");
    }
}
