//! Spans over HTTP, as a receiver gets them, and environments that no span can be sent by.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use access_broker::dev::environment::POLICY;
use access_broker::telemetry::Traces;
use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;
use tokio::net::TcpListener;

use super::collector::attributes;
use crate::support::events::TRACES_OFF;
use crate::support::{
    CUTE_CAT, PATIENCE, Process, TestServer, VARIABLES, configured, count, eventually, issuer, log_lines, scrape,
    serving_at,
};

/// What a receiver was sent.
#[derive(Clone)]
struct Post {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

/// A receiver on loopback. The n-th answer, counted from 0, is what the function says.
struct Receiver {
    address: SocketAddr,
    posts: Arc<Mutex<Vec<Post>>>,
}

impl Receiver {
    async fn start(answer: fn(usize) -> Response) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let posts = Arc::<Mutex<Vec<Post>>>::default();
        let kept = Arc::clone(&posts);
        let router = Router::new().fallback(async move |request: Request| {
            let (head, body) = request.into_parts();
            assert_eq!(head.method, "POST");
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let mut posts = kept.lock().unwrap();
            posts.push(Post { path: head.uri.to_string(), headers: head.headers, body });
            answer(posts.len() - 1)
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, posts }
    }

    async fn wait_for(&self, wanted: usize) -> Vec<Post> {
        eventually("posts", PATIENCE, async || {
            let posts = self.posts.lock().unwrap().clone();
            if posts.len() >= wanted { Ok(posts) } else { Err(posts.len()) }
        })
        .await
    }
}

fn taken(_: usize) -> Response {
    let bytes = ExportTraceServiceResponse::default().encode_to_vec();
    ([("content-type", "application/x-protobuf")], bytes).into_response()
}

async fn server_with(variables: &[(&str, &str)]) -> TestServer {
    let read = |name: &str| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    TestServer::start_with(POLICY, Traces::from_environment(read).unwrap()).await
}

const HTTP: (&str, &str) = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
const SOON: (&str, &str) = ("OTEL_BSP_SCHEDULE_DELAY", "100");

#[tokio::test]
async fn spans_are_posted_as_protobuf_with_the_headers_of_the_variables() {
    let receiver = Receiver::start(taken).await;
    let endpoint = format!("http://{}", receiver.address);
    let server = server_with(&[
        HTTP,
        SOON,
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20a%2Cb,x-tenant=media"),
        ("OTEL_SERVICE_NAME", "broker-over-http"),
    ])
    .await;
    server.client("user-two").await.download("media", CUTE_CAT).await.unwrap();
    let spans = eventually("spans", PATIENCE, async || {
        let posts = receiver.wait_for(1).await;
        for Post { path, headers, .. } in &posts {
            assert_eq!(path, "/v1/traces");
            assert_eq!(headers["content-type"], "application/x-protobuf");
            assert_eq!(headers["authorization"], "Bearer a,b");
            assert_eq!(headers["x-tenant"], "media");
        }
        let messages = posts.iter().map(|post| ExportTraceServiceRequest::decode(post.body.clone()).unwrap());
        let resources: Vec<_> = messages.flat_map(|message| message.resource_spans).collect();
        for resource in &resources {
            let origin = attributes(&resource.resource.clone().unwrap().attributes);
            assert_eq!(origin["service.name"], "broker-over-http");
        }
        let scopes = resources.into_iter().flat_map(|resource| resource.scope_spans);
        let spans: Vec<_> = scopes.flat_map(|scope| scope.spans).collect();
        if spans.len() >= 4 { Ok(spans) } else { Err(spans) }
    })
    .await;
    let mut names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    names.sort_unstable();
    assert_eq!(names, ["accessbroker.v1.AccessBrokerService/IssueDownloadUrl", "authenticate", "decide", "sign"]);
    server.finish().await;
}

#[tokio::test]
async fn a_receiver_without_room_is_asked_again_and_one_that_refuses_is_not() {
    fn busy_once(number: usize) -> Response {
        if number == 0 { StatusCode::SERVICE_UNAVAILABLE.into_response() } else { taken(number) }
    }
    fn redirecting(_: usize) -> Response {
        (StatusCode::TEMPORARY_REDIRECT, [("location", "/elsewhere")]).into_response()
    }
    fn partial(_: usize) -> Response {
        let partial = ExportTracePartialSuccess { rejected_spans: 4, error_message: "too old".to_owned() };
        ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec().into_response()
    }
    fn endless(_: usize) -> Response {
        vec![0_u8; 1 << 20].into_response()
    }
    for (answer, posts, exported, failed) in
        [(busy_once as fn(usize) -> Response, 2, 4, 0), (redirecting, 1, 0, 4), (partial, 1, 0, 4), (endless, 1, 4, 0)]
    {
        let receiver = Receiver::start(answer).await;
        let endpoint = format!("http://{}/otlp?key=s3cret", receiver.address);
        // All four spans end before the delay is over, and go together.
        let delay = ("OTEL_BSP_SCHEDULE_DELAY", "1500");
        let server = server_with(&[HTTP, delay, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint)]).await;
        server.client("user-two").await.download("media", CUTE_CAT).await.unwrap();
        let value =
            |metrics: &str, result| count(metrics, &format!("access_broker_spans_total{{result=\"{result}\"}}"));
        let metrics = eventually("the fate of four spans", PATIENCE, async || {
            let metrics = scrape(&server).await;
            let is_known = value(&metrics, "exported") + value(&metrics, "failed") >= 4;
            if is_known { Ok(metrics) } else { Err(metrics) }
        })
        .await;
        assert_eq!((value(&metrics, "exported"), value(&metrics, "failed")), (exported, failed));
        let found = receiver.wait_for(posts).await;
        assert_eq!(found.len(), posts);
        assert!(found.iter().all(|post| post.path == "/otlp?key=s3cret"), "taken as it is, and no redirect followed");
        server.finish().await;
    }
}

#[tokio::test]
async fn an_environment_that_no_span_can_be_sent_by_is_a_warning_that_names_the_variable() {
    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    const TLS: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:1");
    let issuer = issuer().await;
    for (endpoint, variable, value) in [
        (ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        (ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://[nonsense"),
        (ENDPOINT, "OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        (TLS, "OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem"),
        (TLS, "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "broker.toml"),
        (TLS, "OTEL_EXPORTER_OTLP_CERTIFICATE", "/dev/zero"),
    ] {
        let folder = configured("https://issuer.example", issuer.jwks());
        let variables = [&VARIABLES[..], &[endpoint, (variable, value)]].concat();
        let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &variables);
        serving_at(&mut process);
        let lines = log_lines(&process);
        let warning = lines.iter().find(|line| TRACES_OFF.is(line)).unwrap_or_else(|| panic!("{variable}: {lines:?}"));
        assert_eq!(warning["level"], "WARN");
        assert!(warning["cause"].as_str().unwrap().contains(variable), "{warning}");
        process.signal("TERM");
        assert!(process.exit().success());
    }
}
