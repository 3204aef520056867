//! Spans, as a collector gets them.

use access_broker::contract::proto::access_broker_service_client::AccessBrokerServiceClient;
use access_broker::dev::environment::POLICY;
use access_broker::telemetry::Traces;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::collector::{Collector, attributes};
use crate::support::{CUTE_CAT, SUPER_CUTE_CAT, TestServer, count, download_with_look, scrape, secrets, tcp_channel};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID: &str = "00f067aa0ba902b7";

/// A server whose spans go to the collector within a tenth of a second.
async fn server_with(collector: &Collector, variables: &[(&str, &str)]) -> TestServer {
    let url = collector.url();
    let traces = Traces::from_environment(|name| match name {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" => Some(url.clone()),
        "OTEL_BSP_SCHEDULE_DELAY" => Some("100".to_owned()),
        _ => variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned()),
    });
    TestServer::start_with(POLICY, traces.unwrap()).await
}

fn named<'s>(spans: &'s [Span], name: &str) -> Vec<&'s Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

fn hex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    nibbles.map(|nibble| char::from_digit(nibble.into(), 16).unwrap()).collect()
}

#[tokio::test]
async fn the_spans_of_a_call_arrive_with_their_parents_and_attributes_and_without_secrets() {
    let collector = Collector::start();
    let server = server_with(&collector, &[]).await;
    let token = server.token("user-one");
    let mut client = AccessBrokerServiceClient::new(tcp_channel(server.environment().grpc_addr).await);
    let mut request = Request::new(download_with_look());
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("traceparent", format!("00-{TRACE_ID}-{PARENT_ID}-01")),
        ("tracestate", "vendor=value".to_owned()),
        ("x-request-id", "request-of-the-trace".to_owned()),
    ] {
        request.metadata_mut().insert(name, value.parse().unwrap());
    }
    let answer = client.issue_download_url(request).await.unwrap().into_inner();
    let spans = collector.wait_for_spans(5).await;
    assert_eq!(spans.len(), 5, "{spans:#?}");
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE_ID && span.trace_state == "vendor=value"));

    let [call] = named(&spans, "accessbroker.v1.AccessBrokerService/IssueDownloadUrl")[..] else {
        panic!("{spans:#?}")
    };
    assert_eq!((hex(&call.parent_span_id), call.kind()), (PARENT_ID.to_owned(), SpanKind::Server));
    assert_eq!(call.status.clone().unwrap_or_default().code(), StatusCode::Unset);
    let of_call = attributes(&call.attributes);
    for (name, value) in [
        ("rpc.system.name", "grpc"),
        ("rpc.method", "accessbroker.v1.AccessBrokerService/IssueDownloadUrl"),
        ("rpc.response.status_code", "OK"),
        ("network.peer.address", "127.0.0.1"),
        ("access_broker.request_id", "request-of-the-trace"),
    ] {
        assert_eq!(of_call.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!of_call.contains_key("error.type"));

    let [decide] = named(&spans, "decide")[..] else { panic!("{spans:#?}") };
    let of_decide = attributes(&decide.attributes);
    for (name, value) in [("operation", "download"), ("tier", "tier-1"), ("outcome", "issued")] {
        assert_eq!(of_decide[&format!("access_broker.{name}")], value);
    }
    for (name, parent) in [("authenticate", call), ("decide", call), ("inspect", decide), ("sign", decide)] {
        let [step] = named(&spans, name)[..] else { panic!("{name}: {spans:#?}") };
        assert_eq!((&step.parent_span_id, step.kind()), (&parent.span_id, SpanKind::Internal), "{name}");
        assert!(step.start_time_unix_nano >= parent.start_time_unix_nano, "{name}");
        assert!(step.end_time_unix_nano <= parent.end_time_unix_nano, "{name}");
    }

    let log = secrets::access_line(&answer.decision_id).await;
    assert_eq!((&log["trace_id"], &log["request_id"]), (&TRACE_ID.into(), &"request-of-the-trace".into()));
    let (origin, _) = collector.origin();
    assert_eq!(origin["service.name"], "access-broker");

    let bytes = collector.bytes();
    let exported = String::from_utf8_lossy(&bytes);
    let url = answer.get.unwrap().url;
    let (claims, signature) = (token.split('.').nth(1).unwrap(), url.split("X-Amz-Signature=").nth(1).unwrap());
    for secret in [token.as_str(), claims, signature, "X-Amz-", "Bearer", "eyJ", "example.com", "cute-cat"] {
        assert!(!exported.contains(secret), "{secret}");
    }
    server.finish().await;
}

#[tokio::test]
async fn refusals_have_a_reason_and_only_faults_of_the_server_are_errors() {
    let collector = Collector::start();
    let server = server_with(&collector, &[]).await;
    let client = server.client("user-two").await;
    client.download("media", SUPER_CUTE_CAT).await.unwrap_err();
    server.client_with_authorization(&[]).await.download("media", CUTE_CAT).await.unwrap_err();
    // Probes have no spans.
    let mut health = HealthClient::new(tcp_channel(server.environment().grpc_addr).await);
    health.check(HealthCheckRequest::default()).await.unwrap();
    // A message in no encoding that the server knows.
    let mut compressed = AccessBrokerServiceClient::new(tcp_channel(server.environment().grpc_addr).await);
    let mut request = client.request(download_with_look());
    request.metadata_mut().insert("grpc-encoding", "gzip".parse().unwrap());
    assert_eq!(compressed.issue_download_url(request).await.unwrap_err().code(), Code::Unimplemented);

    let spans = collector.wait_for_spans(7).await;
    let calls = named(&spans, "accessbroker.v1.AccessBrokerService/IssueDownloadUrl");
    assert_eq!((calls.len(), spans.len()), (3, 7), "{spans:#?}");
    for (code, reason, error) in [
        ("PERMISSION_DENIED", Some("not_granted"), StatusCode::Unset),
        ("UNAUTHENTICATED", Some("missing_token"), StatusCode::Unset),
        ("UNIMPLEMENTED", Some("compressed_message"), StatusCode::Error),
    ] {
        let mut found =
            calls.iter().map(|call| (attributes(&call.attributes), call.status.clone().unwrap_or_default()));
        let (attributes, status) =
            found.find(|(attributes, _)| attributes["rpc.response.status_code"] == code).unwrap();
        assert_eq!(attributes.get("access_broker.reason").map(String::as_str), reason);
        assert_eq!(status.code(), error, "{code}");
        assert_eq!(attributes.contains_key("error.type"), error == StatusCode::Error, "{code}");
    }
    let [decide] = named(&spans, "decide")[..] else { panic!("{spans:#?}") };
    let of_decide = attributes(&decide.attributes);
    assert_eq!((&*of_decide["access_broker.outcome"], &*of_decide["access_broker.reason"]), ("refused", "not_granted"));
    server.finish().await;
}

#[tokio::test]
async fn a_call_that_its_client_does_not_sample_is_not_exported_but_keeps_its_trace() {
    let collector = Collector::start();
    let server = server_with(&collector, &[]).await;
    let client = server.client("user-two").await;
    let mut broker = AccessBrokerServiceClient::new(tcp_channel(server.environment().grpc_addr).await);
    let mut request = client.request(download_with_look());
    request.metadata_mut().insert("traceparent", format!("00-{TRACE_ID}-{PARENT_ID}-00").parse().unwrap());
    let unsampled = broker.issue_download_url(request).await.unwrap().into_inner();
    let faulty = "00-not-a-trace-01".parse().unwrap();
    let mut request = client.request(download_with_look());
    request.metadata_mut().insert("traceparent", faulty);
    broker.issue_download_url(request).await.unwrap();

    let spans = collector.wait_for_spans(5).await;
    assert!(spans.len() == 5 && spans.iter().all(|span| hex(&span.trace_id) != TRACE_ID), "{spans:#?}");
    assert_eq!(secrets::access_line(&unsampled.decision_id).await["trace_id"], TRACE_ID);
    server.finish().await;
}

#[tokio::test]
async fn spans_that_wait_are_sent_at_the_stop() {
    let collector = Collector::start();
    let url = collector.url();
    let traces = Traces::from_environment(|name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(url.clone()),
        "OTEL_BSP_SCHEDULE_DELAY" => Some("600000".to_owned()),
        _ => None,
    });
    let server = TestServer::start_with(POLICY, traces.unwrap()).await;
    server.client("user-two").await.download("media", CUTE_CAT).await.unwrap();
    let metrics = scrape(&server).await;
    assert_eq!(count(&metrics, "access_broker_spans_total{result=\"exported\"}"), 0);
    assert!(collector.spans().is_empty());
    server.finish().await;
    assert_eq!(collector.spans().len(), 4);
}
