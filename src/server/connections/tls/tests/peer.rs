//! Clients, and handshakes with them over loopback.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::{TlsConnector, client, server};

use super::pki::{Authority, Issued};
use crate::server::connections::tls::ListenerTls;

/// A client that trusts `authority`, may have a certificate, and speaks one version of TLS.
pub(super) fn client_of(
    authority: &Authority,
    identity: Option<&Issued>,
    version: &'static SupportedProtocolVersion,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(issued) => builder.with_client_auth_cert(vec![issued.certificate.clone()], issued.key_der()).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// Two ends of a connection.
pub(super) async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, server)
}

pub(super) struct Handshake {
    pub(super) server: io::Result<server::TlsStream<TcpStream>>,
    pub(super) client: io::Result<client::TlsStream<TcpStream>>,
}

/// Both sides of a handshake.
pub(super) async fn handshake(tls: &ListenerTls, client: &Arc<ClientConfig>) -> Handshake {
    let (near, far) = connection().await;
    let name = ServerName::try_from("localhost").unwrap();
    let places = Semaphore::new(1);
    let connector = TlsConnector::from(Arc::clone(client));
    let (server, client) =
        tokio::join!(tls.accept(far, Duration::from_secs(10), &places), connector.connect(name, near));
    Handshake { server, client }
}

impl Handshake {
    /// Why the server refused the client.
    pub(super) fn refusal(self) -> rustls::Error {
        let error = self.server.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        error.get_ref().unwrap().downcast_ref::<rustls::Error>().unwrap().clone()
    }

    /// The server's certificate, as seen by a client whose handshake succeeded.
    pub(super) fn served(self) -> CertificateDer<'static> {
        self.server.unwrap();
        let stream = self.client.unwrap();
        stream.get_ref().1.peer_certificates().unwrap().first().unwrap().clone()
    }
}
