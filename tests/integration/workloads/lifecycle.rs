//! Certificates that change while the server runs, and its end.

use std::pin::pin;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{self, Instant};

use crate::support::Broker;
use crate::support::events::TLS_FILES_REFUSED;
use crate::support::pki::{Authority, tls_connect};
use crate::support::raw::PREFACE;
use crate::support::workloads::setup::{INDEXER, THUMBNAILER, TLS, builder, listener, start_with};
use crate::support::{PATIENCE, eventually};

async fn start() -> Broker {
    start_with([listener("mtls", &format!("trust_domain = \"prod.example\"\n{TLS}"))]).await
}

/// The certificate that the server shows to a new connection.
async fn served(broker: &Broker) -> CertificateDer<'static> {
    let stream = tls_connect(broker.address_of(0), &broker.setup.authority, None).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

/// Waits until the server shows a certificate.
async fn until_served(broker: &Broker, certificate: &CertificateDer<'_>) {
    eventually("the certificate", PATIENCE, async || {
        fast_forward(Duration::from_secs(1)).await;
        served(broker).await == *certificate
    })
    .await;
}

/// Lets so much time pass for the timers of the server at once. Work that a timer starts is waited for.
async fn fast_forward(duration: Duration) {
    time::pause();
    time::sleep(duration).await;
    time::resume();
}

#[tokio::test]
async fn a_replaced_certificate_is_shown_to_new_connections_and_old_ones_go_on() {
    let broker = start().await;
    let old = broker.client_on(0, Some(&broker.setup.authority.workload(THUMBNAILER)), &[]).await;
    assert_eq!(broker.call(&old, "thumbnails/x").await.outcome(), "OK");
    assert_eq!(served(&broker).await, broker.setup.server.certificate);

    let next = broker.setup.authority.server();
    broker.setup.put_server_certificate(&next);
    until_served(&broker, &next.certificate).await;
    assert_eq!(broker.call(&old, "thumbnails/x").await.outcome(), "OK");
    let new = broker.client_on(0, Some(&broker.setup.authority.workload(INDEXER)), &[]).await;
    assert_eq!(broker.call(&new, "shared/x").await.outcome(), "OK");
    broker.finish().await;
}

#[tokio::test]
async fn a_broken_file_keeps_the_old_certificate_and_is_told_once() {
    let broker = start().await;
    broker.setup.put("tls.key", "rubbish");
    fast_forward(Duration::from_secs(10)).await;
    let refused = broker.log.of(&TLS_FILES_REFUSED);
    assert_eq!(refused.len(), 1, "{refused:?}");
    let path = broker.setup.path("tls.key").display().to_string();
    assert!(refused[0]["error"].as_str().unwrap().starts_with(&path), "{refused:?}");
    assert_eq!(served(&broker).await, broker.setup.server.certificate);
    let client = broker.client_on(0, Some(&broker.setup.authority.workload(THUMBNAILER)), &[]).await;
    assert_eq!(broker.call(&client, "thumbnails/x").await.outcome(), "OK");

    let next = broker.setup.authority.server();
    broker.setup.put_server_certificate(&next);
    until_served(&broker, &next.certificate).await;
    assert_eq!(broker.log.of(&TLS_FILES_REFUSED).len(), 1);
    broker.finish().await;
}

#[tokio::test]
async fn an_authority_that_is_taken_out_lets_nobody_in_any_more() {
    let broker = start().await;
    let next = Authority::new("next");
    broker.setup.put("ca.crt", next.pem());
    // The line of the reload is written by another thread, so that the effect is what can be awaited.
    let mut stream = eventually("the new authority", PATIENCE, async || {
        fast_forward(Duration::from_secs(1)).await;
        let identity = next.workload(THUMBNAILER);
        let mut stream = tls_connect(broker.address_of(0), &broker.setup.authority, Some(&identity)).await.unwrap();
        // A server that has accepted the client answers its preface.
        let _refused_meanwhile = stream.write_all(PREFACE).await;
        stream.read_u8().await.map(|_| stream)
    })
    .await;
    stream.shutdown().await.unwrap();
    let identity = broker.setup.authority.workload(THUMBNAILER);
    let mut stream = tls_connect(broker.address_of(0), &broker.setup.authority, Some(&identity)).await.unwrap();
    let _refused_meanwhile = stream.write_all(PREFACE).await;
    assert!(stream.read_u8().await.is_err());
    broker.finish().await;
}

#[tokio::test]
async fn clients_that_never_finish_a_handshake_do_not_hold_up_the_end() {
    let mut broker = start().await;
    let address = broker.address_of(0);
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await.unwrap();
    // Connections are accepted in their order, so that a call shows that these two have been.
    let client = broker.client_on(0, Some(&broker.setup.authority.workload(THUMBNAILER)), &[]).await;
    assert_eq!(broker.call(&client, "thumbnails/x").await.outcome(), "OK");

    let grace = broker.setup.config().server.shutdown_grace;
    time::timeout(grace, broker.stop()).await.unwrap();
    assert_eq!(broker.counters().connections_cut.get(), 0);
    for stream in [&mut silent, &mut slow] {
        let read = time::timeout(PATIENCE, stream.read(&mut [0; 64])).await.unwrap();
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
    assert!(TcpStream::connect(address).await.is_err(), "nothing listens any more");
    broker.finish().await;
}

#[tokio::test]
async fn one_that_falls_silent_in_its_handshake_keeps_the_only_place_from_no_other() {
    let listener = listener("mtls", &format!("trust_domain = \"prod.example\"\n{TLS}"));
    let mut broker = builder([listener]).limits("max_handshakes = 1").start().await;
    let mut slow = TcpStream::connect(broker.address_of(0)).await.unwrap();
    slow.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await.unwrap();

    let identity = broker.setup.authority.workload(THUMBNAILER);
    let client = time::timeout(PATIENCE, broker.client_on(0, Some(&identity), &[])).await.unwrap();
    assert_eq!(broker.call(&client, "thumbnails/x").await.outcome(), "OK");
    drop(slow);
    broker.stop().await;
    broker.finish().await;
}

#[tokio::test]
async fn many_that_never_finish_a_handshake_keep_no_client_out() {
    let mut broker = start().await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(broker.address_of(0)).await.unwrap();
        stream.write_all(b"\x16").await.unwrap();
        slow.push(stream);
    }
    let client = broker.client_on(0, Some(&broker.setup.authority.workload(THUMBNAILER)), &[]).await;
    assert_eq!(broker.call(&client, "thumbnails/x").await.outcome(), "OK");
    drop((slow, client));
    let counters = std::sync::Arc::clone(broker.server().counters());
    eventually("the end of every connection", PATIENCE, async || counters.connections_open() == 0).await;
    broker.stop().await;
    broker.finish().await;
}

#[tokio::test]
async fn a_client_that_is_silent_after_the_handshake_holds_up_the_end_for_the_grace_at_most() {
    let mut broker = start().await;
    let identity = broker.setup.authority.workload(THUMBNAILER);
    let _silent = tls_connect(broker.address_of(0), &broker.setup.authority, Some(&identity)).await.unwrap();
    // Connections are accepted in their order, so that a call shows that this one has been.
    let client = broker.client_on(0, Some(&identity), &[]).await;
    assert_eq!(broker.call(&client, "thumbnails/x").await.outcome(), "OK");
    drop(client);

    // Nothing happens until the grace is over, so that its time need not be waited for.
    time::pause();
    let (started, grace) = (Instant::now(), broker.setup.config().server.shutdown_grace);
    broker.stop().await;
    assert!(started.elapsed() <= grace + Duration::from_secs(1), "{:?}", started.elapsed());
    broker.finish().await;
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

#[tokio::test]
async fn a_client_that_connects_and_never_speaks_http_is_cut_off() {
    let unix = listener("token", "").set("address", "unix:broker.sock");
    let mtls = listener("mtls", &format!("trust_domain = \"prod.example\"\n{TLS}"));
    let broker = start_with([listener("token", ""), unix, mtls]).await;
    let identity = broker.setup.authority.workload(THUMBNAILER);
    for (index, sent) in (0..3).flat_map(|index| [(index, &b""[..]), (index, b"PRI * HTTP/2.0\r\n")]) {
        let mut stream: Box<dyn Stream> = match index {
            0 => Box::new(TcpStream::connect(broker.address_of(0)).await.unwrap()),
            1 => Box::new(UnixStream::connect(broker.setup.path("broker.sock")).await.unwrap()),
            _ => Box::new(tls_connect(broker.address_of(2), &broker.setup.authority, Some(&identity)).await.unwrap()),
        };
        stream.write_all(sent).await.unwrap();
        stream.flush().await.unwrap();
        // How it ends depends on the transport. The time limit of the server begins once it has accepted the client.
        let mut read = Vec::new();
        let mut ended = pin!(stream.read_to_end(&mut read));
        let mut is_open = true;
        for _ in 0..200 {
            fast_forward(Duration::from_secs(1)).await;
            is_open = tokio::select! {
                biased;
                _however = &mut ended => false,
                () = std::future::ready(()) => true,
            };
            if !is_open {
                break;
            }
        }
        assert!(!is_open, "the connection to listener {index} is still open");
    }
    broker.finish().await;
}
