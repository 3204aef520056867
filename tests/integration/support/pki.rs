//! Certificates of servers and workloads, made on the spot, and connections with them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::slice;
use std::sync::Arc;
use std::time::SystemTime;

use http::Uri;
use hyper_util::rt::TokioIo;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

/// A certificate authority.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// What must be shown beside a certificate, up to the root and without it.
    chain: Vec<CertificateDer<'static>>,
}

/// A certificate and its key.
pub(crate) struct Issued {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) certificate_pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

impl Authority {
    /// A root.
    pub(crate) fn new(name: &str) -> Self {
        let issuer = CertifiedIssuer::self_signed(authority_params(name), KeyPair::generate().unwrap());
        Self { issuer: issuer.unwrap(), chain: Vec::new() }
    }

    /// An authority that this one vouches for, with a URI of its own.
    pub(crate) fn intermediate(&self, name: &str, uri: &str) -> Self {
        let mut params = authority_params(name);
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        let issuer = CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &self.issuer).unwrap();
        let chain = [slice::from_ref(issuer.der()), &self.chain].concat();
        Self { issuer, chain }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a server on loopback.
    pub(crate) fn server(&self) -> Issued {
        let names = [Ipv4Addr::LOCALHOST.to_string(), "localhost".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(&params)
    }

    /// The X509-SVID of a workload.
    pub(crate) fn workload(&self, id: &str) -> Issued {
        self.client(&[id])
    }

    /// The X509-SVID of a workload, valid up to an instant.
    pub(crate) fn workload_until(&self, id: &str, not_after: SystemTime) -> Issued {
        let mut params = client_params(&[id]);
        params.not_after = not_after.into();
        self.sign(&params)
    }

    /// A client certificate with any URIs, which is an X509-SVID only where there is one.
    pub(crate) fn client(&self, uris: &[&str]) -> Issued {
        self.sign(&client_params(uris))
    }

    fn sign(&self, params: &CertificateParams) -> Issued {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (certificate, certificate_pem) = (certificate.der().clone(), certificate.pem());
        Issued { certificate, certificate_pem, chain: self.chain.clone(), key }
    }
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn client_params(uris: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(["client.example".to_owned()]).unwrap();
    params.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

impl Issued {
    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }
}

/// What a client trusts and shows.
fn client_config(trusted: &Authority, identity: Option<&Issued>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.issuer.der().clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(issued) => {
            let key = PrivateKeyDer::try_from(issued.key.serialize_der()).unwrap();
            let chain = [slice::from_ref(&issued.certificate), &issued.chain].concat();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
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
