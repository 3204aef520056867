//! Requests from pages in browsers (Fetch Standard, "CORS protocol").

use access_broker::contract::proto::IssueDownloadUrlRequest;

use super::{CONNECT, DOWNLOAD, assert_common_headers, authorization, get, line_of, logged, post, request};
use crate::support::broker::Part;
use crate::support::http1::{Http1Answer, Http1Client};
use crate::support::http2::{Http2Client, framed};
use crate::support::pki::Issued;
use crate::support::workloads::setup::{THUMBNAILER, TLS, builder, listener};
use crate::support::{Broker, Builder};

const PAGE: &str = "origin: https://app.example";
const OTHER_PAGE: &str = "origin: https://other.example";
const BODY: &str = r#"{"bucket":"media","key":"thumbnails/x"}"#;

fn with_page(builder: Builder) -> Builder {
    builder.table("http", "cors_origins = [\"https://app.example\", \"http://localhost:5173\"]")
}

/// Every header of CORS that an answer has, in the order of their names.
fn cors(answer: &Http1Answer) -> Vec<String> {
    let headers = answer.headers.iter().filter(|(name, _)| name.starts_with("access-control-"));
    let mut headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value}")).collect();
    headers.sort();
    headers
}

const NONE: [&str; 0] = [];

/// The headers by which a page can read an answer.
fn readable(origin: &str) -> [String; 2] {
    [
        format!("access-control-allow-origin: {origin}"),
        "access-control-expose-headers: x-request-id, retry-after".to_owned(),
    ]
}

fn preflight(origin: &str, methods: &str) -> [String; 5] {
    let [origin, expose] = readable(origin);
    [
        "access-control-allow-headers: authorization, content-type, connect-protocol-version, connect-timeout-ms, \
         x-request-id, traceparent"
            .to_owned(),
        format!("access-control-allow-methods: {methods}"),
        origin,
        expose,
        "access-control-max-age: 600".to_owned(),
    ]
}

#[tokio::test]
async fn a_page_that_may_call_reads_answers_and_errors_and_another_does_not() {
    let broker = with_page(Broker::builder()).start().await;
    let good = authorization(&broker);
    let mut client = Http1Client::connect(broker.address()).await;
    for (request, status) in [
        (get(DOWNLOAD, &["@", &good]), 200),
        (get(DOWNLOAD, &["@"]), 401),
        (get("/nothing", &["@", &good]), 404),
        (request("PUT", DOWNLOAD, &["@", &good], ""), 405),
        (get(DOWNLOAD, &["@", &good, "accept: text/html"]), 406),
        (get(DOWNLOAD, &["@", &good, "connect-timeout-ms: x"]), 400),
        (get(&format!("{DOWNLOAD}&redirect=true"), &["@", &good]), 307),
        (post("/v1/downloadUrl", &["@", &good], "{"), 400),
        (get("/openapi.json", &["@"]), 200),
    ] {
        for (lines, readable_by) in [
            (PAGE, Some("https://app.example")),
            ("origin: http://localhost:5173", Some("http://localhost:5173")),
            ("x-a: b", None),
            (OTHER_PAGE, None),
            ("origin: null", None),
            ("origin: https://app.example/", None),
            ("origin: https://APP.example", None),
            ("origin: HTTPS://app.example", None),
            ("origin: https://app.example:443", None),
            ("origin: http://app.example", None),
            ("origin: https://app.example, https://other.example", None),
            ("origin: https://app.example\r\norigin: https://app.example", None),
            ("origin:", None),
            ("sec-fetch-site: cross-site", None),
        ] {
            let answer = client.ask(request.replace('@', lines)).await;
            // A token is sent by the page itself, so the call is made: CORS only says who may read the answer.
            let expected = readable_by.map(readable).into_iter().flatten().collect();
            assert_eq!((answer.status, cors(&answer)), (status, expected), "{lines} {request}");
            assert_common_headers(&answer);
        }
    }
    drop(client);
    broker.finish().await;
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_token() {
    let broker = with_page(Broker::builder()).table("presignedurl", "bucket = \"media\"").start().await;
    let mut client = Http1Client::connect(broker.address()).await;
    let asks = ["access-control-request-method: POST", "access-control-request-headers: authorization, x-other"];
    for (target, methods) in [
        (DOWNLOAD, "GET, POST, OPTIONS"),
        ("/v1/uploadUrl", "POST, OPTIONS"),
        ("/v1/verifyUpload", "POST, OPTIONS"),
        (CONNECT, "GET, POST, OPTIONS"),
        ("/accessbroker.v1.AccessBrokerService/IssueUploadUrl", "POST, OPTIONS"),
        ("/presignedurl", "GET, POST, OPTIONS"),
        ("/dev/presignedurl", "GET, POST, OPTIONS"),
        ("/openapi.json", "GET, OPTIONS"),
    ] {
        for origin in ["https://app.example", "http://localhost:5173"] {
            let page = format!("origin: {origin}");
            let answer = client.ask(request("OPTIONS", target, &[&[&*page][..], &asks].concat(), "")).await;
            assert_eq!(answer.status, 204, "{target} {origin}");
            assert_eq!(cors(&answer), preflight(origin, methods), "{target} {origin}");
            assert_eq!((answer.header("allow"), answer.body.len()), (Some(methods), 0));
            assert_eq!(answer.header("content-type"), None);
            assert_common_headers(&answer);
        }
        for page in [OTHER_PAGE, "origin: null", "origin: https://app.example:443", "origin: HTTPS://app.example"] {
            let answer = client.ask(request("OPTIONS", target, &[&[page][..], &asks].concat(), "")).await;
            assert_eq!(answer.status, 403, "{target} {page}");
            assert_eq!(cors(&answer), NONE, "{target} {page}");
            assert_common_headers(&answer);
        }
    }
    // No page asks.
    let answer = client.ask(request("OPTIONS", DOWNLOAD, &[], "")).await;
    assert_eq!((answer.status, answer.header("allow")), (204, Some("GET, POST, OPTIONS")));
    assert_eq!(cors(&answer), NONE);
    drop(client);
    broker.finish().await;
}

fn both(proof: &str, settings: &str) -> Part {
    listener(proof, &format!("trust_domain = \"prod.example\"\nprotocols = [\"grpc\", \"http\"]\n{settings}"))
}

/// A broker whose callers prove their identity by what a browser adds to requests of every page.
async fn start_with_workloads() -> Broker {
    let mesh = "mesh_header = \"x-forwarded-client-cert\"\ntrusted_hop = [\"loopback\"]";
    let listeners = [both("mtls", TLS), both("mesh-header", mesh)];
    with_page(builder(listeners))
        .table("presignedurl", "bucket = \"media\"")
        .listener(listener("token", ""))
        .start()
        .await
}

/// Sends a request to one of these listeners, with its proof.
async fn ask_as_workload(broker: &Broker, index: usize, identity: &Issued, request: String) -> Http1Answer {
    let address = broker.address_of(index);
    let header = format!("x-forwarded-client-cert: URI={THUMBNAILER}");
    if index == 0 {
        let authority = &broker.setup.authority;
        let connected = Http1Client::connect_tls(address, authority, Some(identity), &[b"http/1.1"]).await;
        connected.unwrap().0.ask(request.replace("x-proof: y", "x-a: b")).await
    } else {
        Http1Client::connect(address).await.ask(request.replace("x-proof: y", &header)).await
    }
}

#[tokio::test]
async fn where_a_browser_adds_the_proof_other_pages_are_refused() {
    let broker = start_with_workloads().await;
    let identity = broker.setup.authority.workload(THUMBNAILER);
    let forms = [
        (&[][..], 200),
        (&[PAGE], 200),
        (&[PAGE, "sec-fetch-site: cross-site"], 200),
        (&["origin: https://app.example.other.example"], 403),
        (&["origin: http://app.example"], 403),
        (&["origin: http://localhost:5173", "sec-fetch-site: same-site"], 200),
        (&[OTHER_PAGE], 403),
        (&["origin: null"], 403),
        (&["origin:"], 403),
        (&[PAGE, OTHER_PAGE], 403),
        (&[PAGE, PAGE], 403),
        (&["sec-fetch-site: cross-site"], 403),
        (&["sec-fetch-site: same-site"], 403),
        (&["sec-fetch-site: same-origin"], 403),
        (&["sec-fetch-site: none"], 403),
        (&["sec-fetch-site:"], 403),
    ];
    for index in [0, 1] {
        for (lines, status) in forms {
            for (target, protocol) in [("/v1/downloadUrl", "rest"), (CONNECT, "connect")] {
                let request = post(target, &[&["x-proof: y"], lines].concat(), BODY);
                let answer = ask_as_workload(&broker, index, &identity, request).await;
                let end = if status == 200 { "OK -" } else { "PERMISSION_DENIED cross_site" };
                let expected = format!("{status} IssueDownloadUrl {protocol} {end}");
                assert_eq!(logged(&broker, &answer).await, expected, "listener {index} {lines:?}: {answer:?}");
                assert_common_headers(&answer);
                let id = answer.header("x-request-id").unwrap();
                let line = line_of(&broker, id).await;
                assert_eq!(line["workload"].is_string(), status == 200, "a refused page is not authenticated: {line}");
                let origin = lines.first().and_then(|line| line.strip_prefix("origin: ")).filter(|_| status == 200);
                assert_eq!(answer.header("access-control-allow-origin"), origin, "{lines:?}");
            }
        }
    }
    broker.finish().await;
}

/// A proxy may translate a page's request to gRPC.
#[tokio::test]
async fn where_a_browser_adds_the_proof_grpc_from_pages_is_refused_too() {
    let broker = start_with_workloads().await;
    let mut client = Http2Client::connect(broker.address_of(1)).await;
    let proof = format!("URI={THUMBNAILER}");
    for (headers, code) in [
        (&[][..], tonic::Code::Ok),
        (&[("origin", "https://evil.example")], tonic::Code::PermissionDenied),
        (&[("origin", "https://app.example")], tonic::Code::PermissionDenied),
        (&[("sec-fetch-site", "same-origin")], tonic::Code::PermissionDenied),
    ] {
        let request = http::Request::post(format!("http://broker{CONNECT}")).header("content-type", "application/grpc");
        let request = request.header("x-forwarded-client-cert", &proof);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let message = prost::Message::encode_to_vec(&IssueDownloadUrlRequest {
            bucket: "media".into(),
            key: "thumbnails/x".into(),
            ..Default::default()
        });
        let answer = client.send(request.body(framed(0, &message).into()).unwrap()).await;
        assert_eq!(answer.status().code(), code, "{headers:?}: {answer:?}");
    }
    broker.wait_for_metric("access_broker_calls_ended_by_server_total{cause=\"cross_site\"}", 3).await;
    broker.finish().await;
}

#[tokio::test]
async fn where_a_browser_adds_the_proof_no_link_makes_a_call() {
    let broker = start_with_workloads().await;
    let identity = broker.setup.authority.workload(THUMBNAILER);
    let proof = "x-proof: y";
    let query = "bucket=media&key=thumbnails/x";
    for index in [0, 1] {
        let typed = |line: &str| request("POST", "/v1/downloadUrl", &[proof, "content-length: 2", line], "{}");
        let not_allowed = "405 unknown rest INVALID_ARGUMENT method_not_allowed";
        let not_found = "404 unknown rest UNIMPLEMENTED unknown_method";
        let unsupported = "415 IssueDownloadUrl rest INVALID_ARGUMENT unsupported_media_type";
        for (request, expected, allow) in [
            (get(&format!("/v1/downloadUrl?{query}"), &[proof]), not_allowed, Some("POST, OPTIONS")),
            (get(&format!("/v1/downloadUrl?{query}&redirect=true"), &[proof]), not_allowed, Some("POST, OPTIONS")),
            (
                get("/v1/downloadUrl?redirect=true", &[proof, "x-http-method-override: POST"]),
                not_allowed,
                Some("POST, OPTIONS"),
            ),
            (
                get(&format!("{CONNECT}?connect=v1&encoding=json&message=%7B%7D"), &[proof]),
                "405 unknown connect INVALID_ARGUMENT method_not_allowed",
                Some("POST, OPTIONS"),
            ),
            (get("/presignedurl?key=thumbnails/x", &[proof]), not_found, None),
            (post("/presignedurl", &[proof], "{}"), not_found, None),
            (get("/dev/presignedurl?key=thumbnails/x", &[proof]), not_found, None),
            (post("/dev/presignedurl", &[proof], "{}"), not_found, None),
            (request("OPTIONS", "/presignedurl", &[proof], ""), not_found, None),
            (get("/openapi.json", &[proof]), "200 OpenApi rest OK -", None),
            (
                request("OPTIONS", "/v1/downloadUrl", &[proof, PAGE], ""),
                "204 Preflight rest OK -",
                Some("POST, OPTIONS"),
            ),
            (
                request("OPTIONS", "/v1/downloadUrl", &[proof, OTHER_PAGE], ""),
                "403 Preflight rest PERMISSION_DENIED cross_site",
                None,
            ),
            (
                post("/v1/downloadUrl?redirect=true", &[proof], BODY),
                "400 IssueDownloadUrl rest INVALID_ARGUMENT invalid_query",
                None,
            ),
            (typed("content-type: text/plain"), unsupported, None),
            (typed("content-type: application/x-www-form-urlencoded"), unsupported, None),
            (typed("x-a: b"), unsupported, None),
        ] {
            let answer = ask_as_workload(&broker, index, &identity, request.clone()).await;
            let found = (logged(&broker, &answer).await, answer.header("allow"));
            assert_eq!((&*found.0, found.1), (expected, allow), "listener {index}: {request}");
            assert_eq!(answer.header("location"), None);
            if answer.status == 204 {
                assert_eq!(cors(&answer), preflight("https://app.example", "POST, OPTIONS"));
            }
            assert_common_headers(&answer);
        }
    }
    // All of them are served where a page must know a token.
    let token = format!("authorization: {}", broker.setup.authorization_of("ada"));
    for target in ["/v1/downloadUrl?bucket=media&key=people/x", "/presignedurl?key=people/x"] {
        let answer = Http1Client::connect(broker.address_of(2)).await.ask(get(target, &[&token, OTHER_PAGE])).await;
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
    }
    let target = "/v1/downloadUrl?bucket=media&key=people/x&redirect=true";
    let answer = Http1Client::connect(broker.address_of(2)).await.ask(get(target, &[&token])).await;
    assert_eq!((answer.status, answer.body.len()), (307, 0), "{answer:?}");
    assert!(answer.header("location").unwrap().starts_with("https://"));
    assert_common_headers(&answer);
    broker.finish().await;
}
