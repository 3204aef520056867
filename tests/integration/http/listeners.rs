//! Which protocols a listener serves, over each transport, and what listeners without tokens do not serve.

use http::{Request, Version};
use tokio::net::UnixStream;

use super::statuses::assert_common_headers;
use super::{ask, line_of, outcome, post, request};
use crate::support::broker::{Part, listener};
use crate::support::http1::{Http1Answer, Http1Client};
use crate::support::http2::Http2Client;
use crate::support::pki::{tls_connect, tls_connect_with};
use crate::support::workloads::setup::{THUMBNAILER, TLS, builder};
use crate::support::{Broker, error_info};

const BOTH: &str = "protocols = [\"grpc\", \"http\"]\n";

fn token_listener(protocols: &str, settings: &str) -> Part {
    listener("token", &format!("protocols = {protocols}\n{settings}"))
}

/// The status of a call over HTTP/1, and whether it is the answer to a client at a port for gRPC only.
async fn http1_status<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(broker: &Broker, stream: S) -> u16 {
    let token = format!("authorization: {}\r\n", broker.authorization());
    let answer = Http1Client::over(stream).ask(post("/v1/downloadUrl", &token, "{\"key\": \"x\"}")).await;
    let is_told = String::from_utf8_lossy(&answer.body).contains("serves gRPC over HTTP/2");
    assert_eq!(answer.status == 426, is_told, "{answer:?}");
    answer.status
}

/// The end of a gRPC call: `OK`, or the code that the client saw.
async fn grpc_outcome(broker: &Broker, index: usize) -> String {
    let authorization = broker.authorization();
    let client = broker.client_on(index, None, &[("authorization", &authorization)]).await;
    client.download("media", "x").await.map_or_else(|status| format!("{:?}", status.code()), |_| "OK".to_owned())
}

/// Status and content type of the answer to JSON over HTTP/2.
async fn http2_answer(broker: &Broker, index: usize) -> String {
    let mut client = Http2Client::connect(broker.address_of(index)).await;
    let request = Request::post("http://broker.example/v1/downloadUrl").version(Version::HTTP_2);
    let request = request.header("authorization", broker.authorization()).header("content-type", "application/json");
    let answer = client.send(request.body("{\"key\": \"x\"}".into()).unwrap()).await;
    format!("{} {}", answer.head.status().as_u16(), answer.header("content-type").unwrap_or("-"))
}

#[tokio::test]
async fn a_listener_serves_the_protocols_that_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let server_only = TLS.replace("tls_client_ca_file = \"ca.crt\"", "");
    let cases = [("[\"grpc\"]", 426, true), ("[\"http\"]", 200, false), ("[\"grpc\", \"http\"]", 200, true)];
    for (protocols, status, has_grpc) in cases {
        let socket = folder.path().join(format!("{}.sock", protocols.len()));
        let unix = token_listener(protocols, "").set("address", format!("unix:{}", socket.display()));
        let listeners = [token_listener(protocols, ""), token_listener(protocols, &server_only), unix];
        let listeners = listeners.into_iter().fold(Broker::builder(), crate::support::Builder::listener);
        let broker = listeners.start().await;
        let tcp = tokio::net::TcpStream::connect(broker.address()).await.unwrap();
        assert_eq!(http1_status(&broker, tcp).await, status, "TCP {protocols}");
        assert_eq!(
            http1_status(&broker, UnixStream::connect(&socket).await.unwrap()).await,
            status,
            "Unix {protocols}"
        );
        let (tls, trusted) = (broker.address_of(1), &broker.setup.authority);
        for alpn in [&[][..], &[b"http/1.1".as_slice()], &[b"h2", b"http/1.1"], &[b"http/1.1", b"h2"]] {
            let connected = tls_connect_with(tls, trusted, None, alpn).await;
            let has_http1_only = alpn == [b"http/1.1"];
            if status == 426 && has_http1_only {
                assert!(connected.is_err(), "no protocol in common");
                continue;
            }
            let stream = connected.unwrap();
            let chosen = stream.get_ref().1.alpn_protocol().map(String::from_utf8_lossy);
            // The server prefers HTTP/2.
            let expected = if alpn.is_empty() {
                None
            } else if has_http1_only {
                Some("http/1.1")
            } else {
                Some("h2")
            };
            assert_eq!(chosen.as_deref(), expected, "{protocols} {alpn:?}");
            assert_eq!(http1_status(&broker, stream).await, status, "TLS {protocols} {alpn:?}");
        }
        for index in [0, 1, 2] {
            let outcome = grpc_outcome(&broker, index).await;
            assert_eq!(outcome == "OK", has_grpc, "{protocols} {index}: {outcome}");
        }
        let json = if status == 200 { "200 application/json" } else { "415 text/plain; charset=utf-8" };
        assert_eq!(http2_answer(&broker, 0).await, json, "{protocols}");
        broker.finish().await;
    }
}

/// A listener that takes a workload's proof, with HTTP.
fn mesh_listener() -> Part {
    let settings = "trust_domain = \"prod.example\"\nmesh_header = \"x-forwarded-client-cert\"\n\
                    trusted_hop = [\"loopback\"]\n";
    listener("mesh-header", &format!("{settings}{BOTH}"))
}

fn mtls_listener() -> Part {
    listener("mtls", &format!("trust_domain = \"prod.example\"\n{BOTH}{TLS}"))
}

/// The answer of the listener with this index to a workload.
async fn ask_as_workload(broker: &Broker, index: usize, method: &str, target: &str, lines: &str) -> Http1Answer {
    let body = "{\"bucket\": \"media\", \"key\": \"thumbnails/x\"}";
    let lines = format!("x-forwarded-client-cert: URI={THUMBNAILER}\r\n{lines}");
    let request = if method == "POST" { post(target, &lines, body) } else { request(method, target, &lines, "") };
    if index == 0 {
        return ask(broker, request).await;
    }
    let identity = broker.setup.authority.workload(THUMBNAILER);
    let stream = tls_connect(broker.address_of(index), &broker.setup.authority, Some(&identity)).await.unwrap();
    Http1Client::over(stream).ask(request).await
}

#[tokio::test]
async fn where_no_token_is_required_other_sites_are_refused_and_get_is_not_served() {
    let broker = builder([mesh_listener(), mtls_listener(), token_listener("[\"http\"]", "")])
        .setting("presignedurl", "bucket", "media")
        .setting("http", "cors_origins", vec!["https://app.example"])
        .start()
        .await;
    let connect = "/accessbroker.v1.AccessBrokerService/IssueDownloadUrl";
    let cross_site = "403 IssueDownloadUrl rest PERMISSION_DENIED cross_site";
    let not_allowed = "405 unknown rest INVALID_ARGUMENT method_not_allowed";
    for index in [0, 1] {
        let mut problems = Vec::new();
        for (method, target, lines, expected) in [
            ("POST", "/v1/downloadUrl", "", "200 IssueDownloadUrl rest OK -"),
            ("POST", connect, "", "200 IssueDownloadUrl connect OK -"),
            ("POST", "/v1/downloadUrl", "origin: https://app.example\r\n", "200 IssueDownloadUrl rest OK -"),
            (
                "POST",
                "/v1/downloadUrl",
                "origin: https://app.example\r\nsec-fetch-site: cross-site\r\n",
                "200 IssueDownloadUrl rest OK -",
            ),
            ("POST", "/v1/downloadUrl", "origin: https://other.example\r\n", cross_site),
            ("POST", "/v1/downloadUrl", "origin: https://app.example.other.example\r\n", cross_site),
            ("POST", "/v1/downloadUrl", "origin: http://app.example\r\n", cross_site),
            ("POST", "/v1/downloadUrl", "origin: null\r\n", cross_site),
            ("POST", "/v1/downloadUrl", "origin: \r\n", cross_site),
            ("POST", "/v1/downloadUrl", "origin: https://app.example\r\norigin: https://app.example\r\n", cross_site),
            ("POST", "/v1/downloadUrl", "sec-fetch-site: cross-site\r\n", cross_site),
            ("POST", "/v1/downloadUrl", "sec-fetch-site: same-site\r\n", cross_site),
            ("POST", "/v1/downloadUrl", "sec-fetch-site: same-origin\r\n", cross_site),
            ("POST", "/v1/downloadUrl", "sec-fetch-site: none\r\n", cross_site),
            (
                "POST",
                connect,
                "sec-fetch-site: cross-site\r\n",
                "403 IssueDownloadUrl connect PERMISSION_DENIED cross_site",
            ),
            ("GET", "/v1/downloadUrl?bucket=media&key=thumbnails%2Fx", "", not_allowed),
            ("GET", "/v1/downloadUrl?bucket=media&key=thumbnails%2Fx&redirect=true", "", not_allowed),
            ("GET", "/v1/downloadUrl?redirect=true", "x-http-method-override: POST\r\n", not_allowed),
            (
                "GET",
                "/accessbroker.v1.AccessBrokerService/IssueDownloadUrl?encoding=json&message=%7B%7D",
                "",
                "405 unknown connect INVALID_ARGUMENT method_not_allowed",
            ),
            ("POST", "/v1/downloadUrl?redirect=true", "", "400 IssueDownloadUrl rest INVALID_ARGUMENT invalid_query"),
            ("GET", "/presignedurl?key=x", "", "404 unknown rest UNIMPLEMENTED unknown_method"),
            ("POST", "/dev/presignedurl", "", "404 unknown rest UNIMPLEMENTED unknown_method"),
            ("OPTIONS", "/presignedurl", "", "404 unknown rest UNIMPLEMENTED unknown_method"),
            ("GET", "/openapi.json", "", "200 OpenApi rest OK -"),
            ("OPTIONS", "/v1/downloadUrl", "origin: https://app.example\r\n", "204 Preflight rest OK -"),
            (
                "OPTIONS",
                "/v1/downloadUrl",
                "origin: https://other.example\r\n",
                "403 Preflight rest PERMISSION_DENIED cross_site",
            ),
        ] {
            let answer = ask_as_workload(&broker, index, method, target, lines).await;
            let found = format!("{} {}", answer.status, outcome(&line_of(&broker, &answer).await));
            if found != expected {
                problems.push(format!("{index} {method} {target} {lines}: {found}, not {expected}"));
            }
            assert_common_headers(&answer);
            assert_eq!(answer.header("location"), None);
            if answer.header("access-control-allow-origin").is_some() {
                assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
                assert!(lines.starts_with("origin: https://app.example\r\n"), "{lines}");
            }
            if answer.status == 204 {
                assert_eq!(answer.header("allow"), Some("POST, OPTIONS"));
                assert_eq!(answer.header("access-control-allow-methods"), Some("POST, OPTIONS"));
            }
        }
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_permitted_page_gets_exact_cors_headers_and_another_page_gets_none() {
    let broker = Broker::builder()
        .listener(token_listener("[\"grpc\", \"http\"]", ""))
        .setting("presignedurl", "bucket", "media")
        .setting("http", "cors_origins", vec!["https://app.example", "http://localhost:5173"])
        .start()
        .await;
    let token = format!("authorization: {}\r\n", broker.authorization());
    let cors = |answer: &Http1Answer| {
        let headers = answer.headers.iter().filter(|(name, _)| name.as_str().starts_with("access-control-"));
        let mut headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        headers.sort();
        headers
    };
    for origin in ["https://app.example", "http://localhost:5173"] {
        let from = format!("origin: {origin}\r\n");
        let asked = "access-control-request-method: POST\r\naccess-control-request-headers: authorization,x-other\r\n";
        for (target, methods) in [
            ("/v1/downloadUrl", "GET, POST, OPTIONS"),
            ("/v1/uploadUrl", "POST, OPTIONS"),
            ("/presignedurl", "GET, POST, OPTIONS"),
            ("/openapi.json", "GET, OPTIONS"),
        ] {
            let answer = ask(&broker, request("OPTIONS", target, &format!("{from}{asked}"), "")).await;
            assert_common_headers(&answer);
            assert_eq!(
                (answer.status, answer.body.len(), cors(&answer)),
                (
                    204,
                    0,
                    vec![
                        "access-control-allow-headers: authorization, content-type, connect-protocol-version, \
                         connect-timeout-ms, x-request-id, traceparent"
                            .to_owned(),
                        format!("access-control-allow-methods: {methods}"),
                        format!("access-control-allow-origin: {origin}"),
                        "access-control-expose-headers: x-request-id, retry-after".to_owned(),
                        "access-control-max-age: 600".to_owned(),
                    ]
                ),
                "{target}"
            );
        }
        let readable = [
            format!("access-control-allow-origin: {origin}"),
            "access-control-expose-headers: x-request-id, retry-after".to_owned(),
        ];
        for (request, status) in [
            (post("/v1/downloadUrl", &format!("{from}{token}"), "{\"key\": \"x\"}"), 200),
            (post("/v1/downloadUrl", &from, "{}"), 401),
            (post("/v1/downloadUrl", &format!("{from}{token}"), "{"), 400),
            (request("GET", "/nothing", &from, ""), 404),
            (request("PUT", "/v1/downloadUrl", &from, ""), 405),
            (request("GET", "/v1/downloadUrl?key=x&redirect=true", &format!("{from}{token}"), ""), 307),
        ] {
            let answer = ask(&broker, &request).await;
            assert_common_headers(&answer);
            assert_eq!((answer.status, cors(&answer)), (status, readable.to_vec()), "{request}");
        }
    }
    for origin in
        ["https://other.example", "null", "https://app.example:443", "https://app.example/", "HTTPS://app.example"]
    {
        // A token is the proof, which no browser adds by itself: the call is made, and the page cannot read the answer.
        let from = format!("origin: {origin}\r\n{token}");
        let answer = ask(&broker, post("/v1/downloadUrl", &from, "{\"key\": \"x\"}")).await;
        assert_eq!((answer.status, cors(&answer)), (200, Vec::new()), "{origin}");
        let answer = ask(&broker, request("OPTIONS", "/v1/downloadUrl", &from, "")).await;
        assert_eq!((answer.status, cors(&answer)), (403, Vec::new()), "{origin}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_token_without_its_scheme_is_accepted_only_at_presignedurl_and_only_with_the_setting() {
    for (raw_token, status) in [(false, 401), (true, 200)] {
        let broker = Broker::builder()
            .setting("presignedurl", "bucket", "media")
            .setting("presignedurl", "raw_token", raw_token)
            .start()
            .await;
        let authorization = broker.authorization();
        let raw = authorization.strip_prefix("Bearer ").unwrap();
        let (token, bearer) = (format!("authorization: {raw}\r\n"), format!("authorization: {authorization}\r\n"));
        for (lines, target, expected) in [
            (token.clone(), "/presignedurl?key=x", status),
            (token.clone(), "/dev/presignedurl?key=x", status),
            (token.clone(), "/v1/downloadUrl?key=x", 401),
            (bearer.clone(), "/presignedurl?key=x", 200),
            (token.repeat(2), "/presignedurl?key=x", 401),
            (format!("authorization: Basic {raw}\r\n"), "/presignedurl?key=x", 401),
            (format!("authorization: {raw} {raw}\r\n"), "/presignedurl?key=x", 401),
            ("authorization: \r\n".to_owned(), "/presignedurl?key=x", 401),
        ] {
            let answer = ask(&broker, request("GET", target, &lines, "")).await;
            assert_eq!(answer.status, expected, "{raw_token} {target} {lines}");
            assert_common_headers(&answer);
            line_of(&broker, &answer).await;
        }
        broker.finish().await;
    }
}

#[tokio::test]
async fn hosts_and_codings_of_http_2_are_unambiguous() {
    let broker = Broker::builder().start().await;
    let mut client = Http2Client::connect(broker.address()).await;
    for (hosts, te, expected) in [
        (&[][..], "trailers", 401),
        (&["broker.example"], "trailers", 401),
        (&["BROKER.example"], "trailers", 401),
        (&["other.example"], "trailers", 400),
        (&["broker.example:81"], "trailers", 400),
        (&["broker.example", "broker.example"], "trailers", 400),
        (&[""], "trailers", 400),
    ] {
        let mut request = Request::post("http://broker.example/v1/downloadUrl").version(Version::HTTP_2);
        request = request.header("content-type", "application/json").header("te", te);
        for host in hosts {
            request = request.header("host", *host);
        }
        let answer = client.send(request.body("{}".into()).unwrap()).await;
        assert_eq!(answer.head.status().as_u16(), expected, "{hosts:?}");
    }
    // A call of gRPC at the same connection is not affected by its neighbours.
    let status = broker.client().await.download("media", "").await.unwrap_err();
    assert_eq!(error_info(&status).reason, "REQUEST_INVALID");
    broker.finish().await;
}
