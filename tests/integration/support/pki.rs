//! Connections with certificates.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub(crate) use access_broker_base::testing::{Authority, Issued};
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

/// What a client trusts and shows.
fn client_config(trusted: &Authority, identity: Option<&Issued>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(issued) => builder.with_client_auth_cert(issued.chain(), issued.key_der()).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// The first message of a client's handshake.
pub(crate) fn client_hello(trusted: &Authority) -> Vec<u8> {
    let name = ServerName::IpAddress(IpAddr::from(Ipv4Addr::LOCALHOST).into());
    let mut client = ClientConnection::new(Arc::new(client_config(trusted, None)), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

/// The client's side of a handshake. By TLS 1.3 it ends before the server has seen the client's certificate.
pub(crate) async fn tls_connect(
    address: SocketAddr,
    trusted: &Authority,
    identity: Option<&Issued>,
) -> io::Result<TlsStream<TcpStream>> {
    connect(address, Arc::new(client_config(trusted, identity))).await
}

/// The same for a client that offers these protocols by ALPN.
pub(crate) async fn tls_connect_with(
    address: SocketAddr,
    trusted: &Authority,
    identity: Option<&Issued>,
    protocols: &[&[u8]],
) -> io::Result<TlsStream<TcpStream>> {
    let mut config = client_config(trusted, identity);
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    connect(address, Arc::new(config)).await
}

async fn connect(address: SocketAddr, config: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = match address.ip() {
        ip if ip.is_loopback() => ServerName::IpAddress(ip.into()),
        // Server certificates have no addresses of networks that a test makes.
        _ => ServerName::try_from("localhost").unwrap(),
    };
    TlsConnector::from(config).connect(name, stream).await
}

/// A gRPC channel over TLS.
pub(crate) async fn tls_channel(address: SocketAddr, trusted: &Authority, identity: Option<&Issued>) -> Channel {
    let config = Arc::new(client_config(trusted, identity));
    let connector = service_fn(move |_: Uri| {
        let config = Arc::clone(&config);
        async move { connect(address, config).await.map(TokioIo::new) }
    });
    // The scheme would make tonic do a handshake of its own.
    let origin = Endpoint::from_shared(format!("http://{address}")).unwrap();
    origin.connect_with_connector(connector).await.unwrap()
}
