//! Requests from pages in browsers (Fetch Standard, "CORS protocol").

use super::{DOWNLOAD, assert_common_headers, authorization, get, line_of, post, request};
use crate::support::broker::Part;
use crate::support::pki::Issued;
use crate::support::raw_http1::{Http1Answer, Http1Client, connect_tls};
use crate::support::workloads::setup::{THUMBNAILER, TLS, builder, listener};
use crate::support::{Broker, Builder};

const PAGE: &str = "origin: https://app.example";
const OTHER_PAGE: &str = "origin: https://other.example";
const BODY: &str = r#"{"bucket":"media","key":"thumbnails/x"}"#;
const CONNECT: &str = "/accessbroker.v1.AccessBrokerService/IssueDownloadUrl";

fn with_page(builder: Builder) -> Builder {
    builder.table("http", "cors_origins = [\"https://app.example\", \"http://localhost:5173\"]")
}

/// The headers of CORS that an answer has.
fn cors(answer: &Http1Answer) -> [Option<&str>; 7] {
    [
        "allow-origin",
        "expose-headers",
        "allow-methods",
        "allow-headers",
        "max-age",
        "allow-credentials",
        "allow-private-network",
    ]
    .map(|name| answer.header(&format!("access-control-{name}")))
}

const NONE: [Option<&str>; 7] = [None; 7];
const READABLE: [Option<&str>; 7] =
    [Some("https://app.example"), Some("x-request-id, retry-after"), None, None, None, None, None];

fn preflight(methods: &str) -> [Option<&str>; 7] {
    let headers =
        "authorization, content-type, connect-protocol-version, connect-timeout-ms, x-request-id, traceparent";
    let [origin, expose, ..] = READABLE;
    [origin, expose, Some(methods), Some(headers), Some("600"), None, None]
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
        (get("/openapi.json", &["@"]), 200),
    ] {
        let readable = READABLE;
        for (lines, expected) in [
            (PAGE, readable),
            ("x-a: b", NONE),
            (OTHER_PAGE, NONE),
            ("origin: null", NONE),
            ("origin: https://app.example/", NONE),
            ("origin: https://APP.example", NONE),
            ("origin: https://app.example:443", NONE),
            ("origin: http://app.example", NONE),
            ("origin: https://app.example, https://other.example", NONE),
            ("origin: https://app.example\r\norigin: https://app.example", NONE),
            ("origin:", NONE),
            ("sec-fetch-site: cross-site", NONE),
        ] {
            let answer = client.ask(request.replace('@', lines)).await;
            // A token is sent by the page itself, so the call is made: CORS only says who may read the answer.
            assert_eq!((answer.status, cors(&answer)), (status, expected), "{lines} {request}");
            assert_common_headers(&answer);
        }
    }
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
        let answer = client.ask(request("OPTIONS", target, &[&[PAGE][..], &asks].concat(), "")).await;
        assert_eq!((answer.status, cors(&answer)), (204, preflight(methods)), "{target}");
        assert_eq!((answer.header("allow"), answer.body.len()), (Some(methods), 0));
        assert_eq!(answer.header("content-type"), None);
        assert_common_headers(&answer);
        let answer = client.ask(request("OPTIONS", target, &[&[OTHER_PAGE][..], &asks].concat(), "")).await;
        assert_eq!((answer.status, cors(&answer)), (403, NONE), "{target}");
        assert_common_headers(&answer);
    }
    // No page asks.
    let answer = client.ask(request("OPTIONS", DOWNLOAD, &[], "")).await;
    assert_eq!((answer.status, cors(&answer), answer.header("allow")), (204, NONE, Some("GET, POST, OPTIONS")));
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
        let connected = connect_tls(address, &broker.setup.authority, Some(identity), &[b"http/1.1"]).await;
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
        for (number, (lines, status)) in forms.into_iter().enumerate() {
            let id = format!("page-{index}-{number}");
            let id_line = format!("x-request-id: {id}");
            for target in ["/v1/downloadUrl", CONNECT] {
                let request = post(target, &[&["x-proof: y"], lines].concat(), BODY);
                let answer = ask_as_workload(&broker, index, &identity, request).await;
                assert_eq!(answer.status, status, "listener {index} {lines:?}: {answer:?}");
            }
            let request = post("/v1/downloadUrl", &[&["x-proof: y", &*id_line], lines].concat(), BODY);
            let answer = ask_as_workload(&broker, index, &identity, request).await;
            assert_common_headers(&answer);
            let line = line_of(&broker, &id).await;
            let reason = (status == 403).then_some("cross_site");
            assert_eq!((line["reason"].as_str(), line["workload"].is_string()), (reason, status == 200), "{line}");
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn where_a_browser_adds_the_proof_no_link_makes_a_call() {
    let broker = start_with_workloads().await;
    let identity = broker.setup.authority.workload(THUMBNAILER);
    let proof = "x-proof: y";
    let query = "bucket=media&key=thumbnails/x";
    for index in [0, 1] {
        for (request, status, allow) in [
            (get(&format!("/v1/downloadUrl?{query}"), &[proof]), 405, Some("POST, OPTIONS")),
            (get(&format!("/v1/downloadUrl?{query}&redirect=true"), &[proof]), 405, Some("POST, OPTIONS")),
            (get(&format!("{CONNECT}?connect=v1&encoding=json&message=%7B%7D"), &[proof]), 405, Some("POST, OPTIONS")),
            (get("/presignedurl?key=thumbnails/x", &[proof]), 404, None),
            (post("/presignedurl", &[proof], "{}"), 404, None),
            (get("/dev/presignedurl?key=thumbnails/x", &[proof]), 404, None),
            (get("/openapi.json", &[proof]), 200, None),
            (post("/v1/downloadUrl?redirect=true", &[proof], BODY), 400, None),
            (
                request("POST", "/v1/downloadUrl", &[proof, "content-type: text/plain", "content-length: 2"], "{}"),
                415,
                None,
            ),
            (
                request(
                    "POST",
                    "/v1/downloadUrl",
                    &[proof, "content-type: application/x-www-form-urlencoded", "content-length: 2"],
                    "{}",
                ),
                415,
                None,
            ),
            (request("POST", "/v1/downloadUrl", &[proof, "content-length: 2"], "{}"), 415, None),
        ] {
            let answer = ask_as_workload(&broker, index, &identity, request.clone()).await;
            assert_eq!((answer.status, answer.header("allow")), (status, allow), "listener {index}: {request}");
            assert_eq!(answer.header("location"), None);
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
