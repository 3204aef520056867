//! The protocols of a listener, over every transport.

use http::{Request, Version};

use super::{DOWNLOAD_JSON, assert_common_headers, authorization, post};
use crate::support::broker::{Part, listener};
use crate::support::http1::{Http1Answer, Http1Client};
use crate::support::http2::Http2Client;
use crate::support::{Broker, Builder};

const TLS: &str = "tls_certificate_file = \"tls.crt\"\ntls_private_key_file = \"tls.key\"";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Tcp,
    Tls,
    Unix,
}

const TRANSPORTS: [Transport; 3] = [Transport::Tcp, Transport::Tls, Transport::Unix];

/// The setting, and whether it has gRPC and HTTP.
const PROTOCOLS: [(&str, bool, bool); 5] = [
    ("", true, true),
    ("protocols = [\"grpc\", \"http\"]", true, true),
    ("protocols = [\"http\", \"grpc\"]", true, true),
    ("protocols = [\"grpc\"]", true, false),
    ("protocols = [\"http\"]", false, true),
];

fn listeners() -> Vec<(Transport, &'static str, bool, bool, Part)> {
    let mut all = Vec::new();
    for transport in TRANSPORTS {
        for (number, (protocols, has_grpc, has_http)) in PROTOCOLS.into_iter().enumerate() {
            // Other forms of the setting say the same. Each listener with TLS reads its files for half a second.
            if transport == Transport::Tls && number < 2 {
                continue;
            }
            let part = match transport {
                Transport::Tcp => listener("token", protocols),
                Transport::Tls => listener("token", &format!("{protocols}\n{TLS}")),
                Transport::Unix => listener("token", protocols).set("address", format!("unix:{}.sock", all.len())),
            };
            all.push((transport, protocols, has_grpc, has_http, part));
        }
    }
    all
}

/// A connection to the listener with this index, and the protocol that was chosen by ALPN.
async fn connect(
    broker: &Broker,
    transport: Transport,
    index: usize,
    offered: &[&[u8]],
) -> std::io::Result<(Http1Client, Option<Vec<u8>>)> {
    match transport {
        Transport::Tcp => Ok((Http1Client::connect(broker.address_of(index)).await, None)),
        Transport::Unix => Ok((Http1Client::connect_unix(&broker.setup.path(&format!("{index}.sock"))).await, None)),
        Transport::Tls => {
            Http1Client::connect_tls(broker.address_of(index), &broker.setup.authority, None, offered).await
        }
    }
}

fn assert_answer_of_http1(answer: &Http1Answer, has_http: bool, what: &str) {
    if has_http {
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
        assert_common_headers(answer);
    } else {
        assert_eq!((answer.status, answer.header("upgrade")), (426, Some("HTTP/2.0")), "{what}");
        assert_eq!(answer.header("connection"), Some("close, upgrade"));
        assert!(String::from_utf8_lossy(&answer.body).contains("serves gRPC over HTTP/2"), "{what}: {answer:?}");
    }
}

/// Status and content type of the answer to JSON over HTTP/2.
async fn json_over_http2(broker: &Broker, index: usize) -> String {
    let mut client = Http2Client::connect(broker.address_of(index)).await;
    let request = Request::post("http://broker/v1/downloadUrl").version(Version::HTTP_2);
    let request = request.header("authorization", broker.authorization()).header("content-type", "application/json");
    let answer = client.send(request.body(DOWNLOAD_JSON.into()).unwrap()).await;
    format!("{} {}", answer.head.status().as_u16(), answer.header("content-type").unwrap_or("-"))
}

#[tokio::test]
async fn each_listener_serves_its_protocols_over_its_transport() {
    let listeners = listeners();
    let parts = listeners.iter().map(|(.., part)| part.clone());
    let broker = parts.fold(Broker::builder(), Builder::listener).start().await;
    let request = post("/v1/downloadUrl", &[&authorization(&broker)], DOWNLOAD_JSON);
    let mut told = 0;
    for (index, (transport, protocols, has_grpc, has_http, _)) in listeners.iter().enumerate() {
        let alpn: &[&[&[u8]]] = match transport {
            Transport::Tls => &[&[], &[b"http/1.1"], &[b"h2", b"http/1.1"], &[b"http/1.1", b"h2"]],
            Transport::Tcp | Transport::Unix => &[&[]],
        };
        for offered in alpn {
            let what = format!("{transport:?} {protocols} {offered:?}");
            let is_http1_only = *offered == [b"http/1.1"];
            let connected = connect(&broker, *transport, index, offered).await;
            if is_http1_only && !has_http {
                assert!(connected.is_err(), "{what}: no protocol in common");
                continue;
            }
            let (mut client, chosen) = connected.unwrap();
            // The server prefers HTTP/2.
            let preferred = if is_http1_only { "http/1.1" } else { "h2" };
            let expected = (!offered.is_empty()).then_some(preferred.as_bytes());
            assert_eq!(chosen.as_deref(), expected, "{what}");
            // The first bytes decide, not ALPN.
            assert_answer_of_http1(&client.ask(&request).await, *has_http, &what);
            told += u64::from(!has_http);
        }
        let what = format!("{transport:?} {protocols}");
        let client = broker.client_on(index, None, &[("authorization", &broker.authorization())]).await;
        let called = client.download("media", "x").await;
        assert_eq!(called.is_ok(), *has_grpc, "{what}: {called:?}");
        if *transport == Transport::Tcp {
            let json = if *has_http { "200 application/json" } else { "415 text/plain; charset=utf-8" };
            assert_eq!(json_over_http2(&broker, index).await, json, "{what}");
        }
    }
    assert_eq!(broker.counters().http1_clients.get(), told);
    broker.finish().await;
}
