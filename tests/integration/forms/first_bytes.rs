//! Clients that do not begin with HTTP/2.

use std::io;
use std::time::Duration;

use access_broker::calls::Protocols;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;

use crate::support::Broker;
use crate::support::pki::{client_hello, tls_connect};
use crate::support::workloads::setup::{TLS, listener, start_with};
use crate::support::{PATIENCE, eventually};

const PROBE: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: broker\r\nuser-agent: probe\r\n\r\n";

/// What a client gets that sends this, up to the end.
async fn answer_to(mut stream: impl AsyncRead + AsyncWrite + Unpin, sent: &[u8]) -> io::Result<String> {
    stream.write_all(sent).await?;
    let mut answer = String::new();
    time::timeout(Duration::from_secs(20), stream.read_to_string(&mut answer)).await??;
    Ok(answer)
}

fn assert_is_told(answer: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    assert!(head.starts_with("HTTP/1.1 426 "), "{answer}");
    assert!(head.contains("\r\nconnection: close"), "{answer}");
    assert!(head.contains(&format!("\r\ncontent-length: {}", body.len())), "{answer}");
    assert!(body.contains("gRPC over HTTP/2") && body.contains("/readyz"), "{answer}");
}

#[tokio::test]
async fn a_client_of_http_1_is_told_to_speak_http_2_to_a_listener_without_http_over_plain_tcp() {
    // Far longer than the test may take: nothing waits for this time limit.
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| {
            config.limits.handshake_timeout = Duration::from_mins(5);
            config.listeners[0].protocols = Protocols::GRPC;
        })
        .start()
        .await;
    for sent in [PROBE, b"HEAD / HTTP/1.0\r\n\r\n", b"POST /x HTTP/1.1\r\n"] {
        let answer = answer_to(TcpStream::connect(broker.address()).await.unwrap(), sent).await.unwrap();
        if sent.starts_with(b"HEAD") {
            assert!(answer.starts_with("HTTP/1.1 426 ") && answer.ends_with("\r\n\r\n"), "{answer}");
        } else {
            assert_is_told(&answer);
        }
    }
    broker.wait_for_metric("access_broker_connections_total{event=\"http1\"}", 3).await;
    broker.wait_for_metric("access_broker_connections_total{event=\"not_http\"}", 0).await;
    broker.wait_for_open(0).await;
    broker.assert_serves().await;
    broker.finish().await;
}

#[tokio::test]
async fn a_client_of_http_1_is_told_to_speak_http_2_to_a_listener_without_http_over_tls() {
    let server_only = TLS.replace("tls_client_ca_file = \"ca.crt\"", "protocols = [\"grpc\"]");
    let broker = start_with([listener("token", &server_only)]).await;
    let stream = tls_connect(broker.address(), &broker.setup.authority, None).await.unwrap();
    assert_is_told(&answer_to(stream, PROBE).await.unwrap());
    assert_eq!(broker.server().counters().http1_clients.get(), 1);
    broker.finish().await;
}

#[tokio::test]
async fn a_method_that_http_does_not_define_gets_an_answer() {
    let broker = Broker::builder().silent_s3().start().await;
    for (method, path, status) in
        [("PROPFIND", "/v1/downloadUrl", 405), ("get", "/v1/downloadUrl", 405), ("X-1!", "/none", 404)]
    {
        let request = format!("{method} {path} HTTP/1.1\r\nhost: broker\r\nconnection: close\r\n\r\n");
        let answer = answer_to(TcpStream::connect(broker.address()).await.unwrap(), request.as_bytes()).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("\r\ncache-control: no-store\r\n"), "{answer}");
    }
    broker.wait_for_metric("access_broker_connections_total{event=\"not_http\"}", 0).await;
    broker.finish().await;
}

#[tokio::test]
async fn a_request_that_http_1_does_not_permit_is_counted() {
    let broker = Broker::builder().silent_s3().start().await;
    for head in ["x: 1\r\n folded", "content-length: 1\r\ncontent-length: 2", "no colon", "x: \0"] {
        let request = format!("GET /openapi.json HTTP/1.1\r\nhost: broker\r\n{head}\r\n\r\n");
        let answer = answer_to(TcpStream::connect(broker.address()).await.unwrap(), request.as_bytes()).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head}: {answer}");
    }
    broker.wait_for_metric("access_broker_connections_total{event=\"http1_invalid\"}", 4).await;
    broker.assert_serves().await;
    broker.finish().await;
}

#[tokio::test]
async fn a_client_that_speaks_neither_is_closed_without_a_word() {
    let broker = Broker::builder()
        .silent_s3()
        .config(|config| config.limits.handshake_timeout = Duration::from_mins(5))
        .start()
        .await;
    let authority = crate::support::pki::Authority::new("another");
    for sent in [&client_hello(&authority)[..], b"SSH-2.0-OpenSSH_9.9\r\n", &[0; 2_000]] {
        // What it had sent by then is not read, so that it may see a reset.
        let answer = answer_to(TcpStream::connect(broker.address()).await.unwrap(), sent).await;
        assert!(answer.as_ref().map_or(true, String::is_empty), "{answer:?}");
    }
    let counters = broker.counters();
    eventually("all are counted", PATIENCE, async || counters.not_http.get() == 3).await;
    assert_eq!(counters.http1_clients.get(), 0);
    broker.assert_serves().await;
    broker.finish().await;
}
