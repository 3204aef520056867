//! Which handshakes succeed.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use rustls::CertificateError;
use rustls::version::{TLS12, TLS13};
use rustls::{Error, HandshakeKind, ProtocolVersion, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::{self, Instant};

use super::peer::{client_of, connection, handshake};
use super::pki::{Authority, Folder, Issued};
use crate::calls::Protocols;
use crate::server::connections::tls::ListenerTls;
use access_broker_base::files::DEFAULT_SETTLE;

const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// A listener that requires client certificates of `authority`, which also issued the server's.
struct Listener {
    authority: Authority,
    tls: ListenerTls,
    _folder: Folder,
}

impl Listener {
    fn new() -> Self {
        let authority = Authority::new("prod");
        let folder = Folder::new(&authority.issue(), &authority);
        Self {
            tls: ListenerTls::load(&folder.settings(), Protocols::GRPC, DEFAULT_SETTLE).unwrap(),
            authority,
            _folder: folder,
        }
    }

    async fn refusal(&self, identity: Option<&Issued>, version: &'static SupportedProtocolVersion) -> Error {
        handshake(&self.tls, &Arc::new(client_of(&self.authority, identity, version))).await.refusal()
    }
}

#[tokio::test]
async fn a_client_with_a_certificate_gets_through_by_tls_1_2_and_1_3() {
    let listener = Listener::new();
    let identity = listener.authority.issue();
    for (version, negotiated) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let client = Arc::new(client_of(&listener.authority, Some(&identity), version));
        let stream = handshake(&listener.tls, &client).await.server.unwrap();
        let (_, connection) = stream.get_ref();
        assert_eq!(connection.protocol_version(), Some(negotiated));
        assert_eq!(connection.peer_certificates(), Some([identity.certificate.clone()].as_slice()));
        assert_eq!(connection.alpn_protocol(), Some(b"h2".as_slice()));
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let listener = Listener::new();
    for version in VERSIONS {
        assert_eq!(listener.refusal(None, version).await, Error::NoCertificatesPresented);
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let listener = Listener::new();
    // Of the same name, with another key.
    let identity = Authority::new("prod").issue();
    for version in VERSIONS {
        let refusal = listener.refusal(Some(&identity), version).await;
        assert_eq!(refusal, Error::InvalidCertificate(CertificateError::BadSignature));
    }
    let identity = Authority::new("other").issue();
    for version in VERSIONS {
        let refusal = listener.refusal(Some(&identity), version).await;
        assert_eq!(refusal, Error::InvalidCertificate(CertificateError::UnknownIssuer));
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let listener = Listener::new();
    let identity = listener.authority.issue_with(|params| params.not_after = date_time_ymd(2020, 1, 1));
    for version in VERSIONS {
        let refusal = listener.refusal(Some(&identity), version).await;
        assert!(matches!(refusal, Error::InvalidCertificate(CertificateError::ExpiredContext { .. })), "{refusal:?}");
    }
}

#[tokio::test]
async fn a_certificate_for_servers_only_is_refused() {
    let listener = Listener::new();
    let identity =
        listener.authority.issue_with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    for version in VERSIONS {
        let refusal = listener.refusal(Some(&identity), version).await;
        assert!(
            matches!(refusal, Error::InvalidCertificate(CertificateError::InvalidPurposeContext { .. })),
            "{refusal:?}"
        );
    }
}

#[tokio::test]
async fn without_client_authorities_no_certificate_is_asked_for() {
    let authority = Authority::new("prod");
    let folder = Folder::new(&authority.issue(), &authority);
    let mut settings = folder.settings();
    settings.client_ca_file = None;
    let tls = ListenerTls::load(&settings, Protocols::GRPC, DEFAULT_SETTLE).unwrap();
    let identity = authority.issue();
    for identity in [None, Some(&identity)] {
        let client = Arc::new(client_of(&authority, identity, &TLS13));
        let stream = handshake(&tls, &client).await.server.unwrap();
        assert_eq!(stream.get_ref().1.peer_certificates(), None);
    }
}

#[tokio::test]
async fn a_client_that_offers_other_protocols_only_is_refused() {
    let listener = Listener::new();
    let identity = listener.authority.issue();
    let with_alpn = |protocols: &[&[u8]], version| {
        let mut client = client_of(&listener.authority, Some(&identity), version);
        client.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(client)
    };
    for version in VERSIONS {
        let refusal = handshake(&listener.tls, &with_alpn(&[b"http/1.1"], version)).await.refusal();
        assert_eq!(refusal, Error::NoApplicationProtocol);
        let stream = handshake(&listener.tls, &with_alpn(&[b"http/1.1", b"h2"], version)).await.server.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        let stream = handshake(&listener.tls, &with_alpn(&[], version)).await.server.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), None);
    }
}

#[tokio::test]
async fn no_session_is_resumed() {
    let listener = Listener::new();
    let identity = listener.authority.issue();
    for version in VERSIONS {
        let client = Arc::new(client_of(&listener.authority, Some(&identity), version));
        for _ in 0..2 {
            let (mut near, mut far) = {
                let both = handshake(&listener.tls, &client).await;
                (both.client.unwrap(), both.server.unwrap())
            };
            assert_eq!(far.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
            // Tickets follow the handshake: the client has them when it reads this byte.
            far.write_all(b"x").await.unwrap();
            far.flush().await.unwrap();
            near.read_exact(&mut [0]).await.unwrap();
            assert_eq!(near.get_ref().1.tls13_tickets_received(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_falls_silent_is_cut_off() {
    let listener = Listener::new();
    for sent in [&b""[..], b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] {
        let (mut near, far) = connection().await;
        near.write_all(sent).await.unwrap();
        let begun = Instant::now();
        let error = listener.tls.accept(far, HANDSHAKE_LIMIT, &Semaphore::new(1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!((HANDSHAKE_LIMIT..HANDSHAKE_LIMIT + Duration::from_secs(1)).contains(&begun.elapsed()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_a_byte_a_second_is_cut_off() {
    let listener = Listener::new();
    let (mut near, far) = connection().await;
    let drip = async {
        for byte in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".iter().chain([&0; 500]) {
            near.write_all(&[*byte]).await.unwrap();
            time::sleep(Duration::from_secs(1)).await;
        }
    };
    let (begun, places) = (Instant::now(), Semaphore::new(1));
    let error = tokio::select! {
        () = drip => unreachable!("the listener waited for the whole hello"),
        accepted = listener.tls.accept(far, HANDSHAKE_LIMIT, &places) => accepted.unwrap_err(),
    };
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(begun.elapsed() < HANDSHAKE_LIMIT + Duration::from_secs(1));
}

#[tokio::test]
async fn a_client_that_does_not_speak_tls_is_refused() {
    let listener = Listener::new();
    let (mut near, far) = connection().await;
    near.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    assert_eq!(
        listener.tls.accept(far, HANDSHAKE_LIMIT, &Semaphore::new(1)).await.unwrap_err().kind(),
        ErrorKind::InvalidData
    );
}

#[tokio::test]
async fn silent_clients_take_no_place_before_or_after_their_first_message() {
    let listener = Listener::new();
    let places = Semaphore::new(1);
    let (_silent, far) = connection().await;
    let (mut talker, far_of_talker) = connection().await;
    // A client's first message, from a real client.
    let config = Arc::new(client_of(&listener.authority, Some(&listener.authority.issue()), &TLS13));
    let mut client = rustls::ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    talker.write_all(&hello).await.unwrap();
    let answered = async {
        let mut first = [0; 1];
        talker.read_exact(&mut first).await.unwrap();
        // It has its answer, and sends nothing more.
        time::timeout(Duration::from_secs(5), places.acquire()).await.unwrap().unwrap()
    };
    tokio::select! {
        _ = listener.tls.accept(far, HANDSHAKE_LIMIT, &places) => unreachable!("the client says nothing"),
        _ = listener.tls.accept(far_of_talker, HANDSHAKE_LIMIT, &places) => unreachable!("the client says no more"),
        _place = answered => {}
    }
}
