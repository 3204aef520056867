//! What a listener speaks, over every transport.

use super::{DOWNLOAD_JSON, assert_common_headers, authorization, post};
use crate::support::Broker;
use crate::support::broker::{Part, listener};
use crate::support::raw_http1::{Http1Answer, Http1Client, connect_tls};

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
        for (protocols, has_grpc, has_http) in PROTOCOLS {
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

async fn ask(
    broker: &Broker,
    transport: Transport,
    index: usize,
    offered: &[&[u8]],
    request: &str,
) -> Option<Http1Answer> {
    let mut client = match transport {
        Transport::Tcp => Http1Client::connect(broker.address_of(index)).await,
        Transport::Unix => Http1Client::connect_unix(&broker.setup.path(&format!("{index}.sock"))).await,
        Transport::Tls => connect_tls(broker.address_of(index), &broker.setup.authority, None, offered).await.ok()?.0,
    };
    Some(client.ask(request).await)
}

#[tokio::test]
async fn each_listener_speaks_its_protocols_over_its_transport() {
    let listeners = listeners();
    let parts = listeners.iter().map(|(.., part)| part.clone());
    let broker = parts.fold(Broker::builder(), crate::support::Builder::listener).start().await;
    let request = post("/v1/downloadUrl", &[&authorization(&broker)], DOWNLOAD_JSON);
    for (index, (transport, protocols, has_grpc, has_http, _)) in listeners.iter().enumerate() {
        let what = format!("{transport:?} {protocols}");
        let answer = ask(&broker, *transport, index, &[], &request).await.unwrap();
        if *has_http {
            assert_eq!(answer.status, 200, "{what}: {answer:?}");
            assert_common_headers(&answer);
        } else {
            assert_eq!((answer.status, answer.header("upgrade")), (426, Some("HTTP/2.0")), "{what}");
            assert_eq!(answer.header("connection"), Some("close, upgrade"));
        }
        if *transport == Transport::Tls {
            let offered = ask(&broker, *transport, index, &[b"http/1.1"], &request).await;
            assert_eq!(offered.map(|answer| answer.status), has_http.then_some(200), "{what}, http/1.1 offered");
            // Both are offered: HTTP/2 is preferred.
            let both =
                connect_tls(broker.address_of(index), &broker.setup.authority, None, &[b"http/1.1", b"h2"]).await;
            assert_eq!(both.unwrap().1.as_deref(), Some(&b"h2"[..]), "{what}");
        }
        let client = broker.client_on(index, None, &[("authorization", &broker.authorization())]).await;
        let called = client.download("media", "x").await;
        assert_eq!(called.is_ok(), *has_grpc, "{what}: {called:?}");
    }
    assert_eq!(broker.counters().http1_clients.get(), 3);
    broker.finish().await;
}
