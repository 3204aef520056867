//! Keys from a server with a private certificate authority and a bearer token, by the program itself.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::token;
use crate::support::{Client, ISSUER, Process, VARIABLES, configured, issuer, log_lines, replace, serving_at};

const SECRET: &str = "s3cret-of-the-broker";

pub(crate) fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

pub(crate) fn acceptor(authority: &CertifiedIssuer<'_, KeyPair>) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap()).into()
}

pub(crate) struct TlsListener {
    pub(crate) tcp: TcpListener,
    pub(crate) acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (connection, peer) = self.tcp.accept().await.unwrap();
            // A client that does not trust the certificate ends the handshake.
            if let Ok(connection) = self.acceptor.accept(connection).await {
                return (connection, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

/// Serves keys to whoever has the bearer token.
async fn serve_keys(acceptor: TlsAcceptor, jwks: &Value) -> SocketAddr {
    let jwks = jwks.to_string();
    let answer = async move |headers: HeaderMap| match headers.get("authorization") {
        Some(value) if value == &format!("Bearer {SECRET}") => Ok(jwks),
        _ => Err(StatusCode::UNAUTHORIZED),
    };
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let router = Router::new().route("/keys", get(answer));
    tokio::spawn(async move { axum::serve(TlsListener { tcp, acceptor }, router).await });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_without_authorities_gets_keys_through_those_of_a_file_that_may_be_replaced() {
    let issuer = issuer().await;
    let (right, wrong) = (authority(), authority());
    let server = serve_keys(acceptor(&right), issuer.jwks()).await;
    let folder = configured(ISSUER, issuer.jwks());
    let config = folder.path().join("broker.toml");
    let access =
        format!("jwks_url = \"https://{server}/keys\"\njwks_ca_file = \"ca.crt\"\njwks_bearer_file = \"bearer\"");
    let text = fs::read_to_string(&config).unwrap().replace("jwks_file = \"jwks.json\"", &access);
    fs::write(&config, text).unwrap();
    fs::write(folder.path().join("ca.crt"), wrong.pem()).unwrap();
    fs::write(folder.path().join("bearer"), format!("{SECRET}\n")).unwrap();

    let no_authorities = [("SSL_CERT_FILE", "/nowhere/ca.crt"), ("SSL_CERT_DIR", "/nowhere")];
    let variables = [&VARIABLES[..], &no_authorities].concat();
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &variables);
    // The log says why there are no keys, down to the first cause.
    process.wait_for("refusal of the certificate", |process| {
        let refused = |line: &Value| line["error"].as_str().is_some_and(|error| error.contains("peer certificate"));
        log_lines(process).iter().any(refused).then_some(())
    });
    replace(&process.path("ca.crt"), right.pem());
    let address = serving_at(&mut process);
    let client = Client::connect(address.parse().unwrap(), &[&format!("Bearer {}", token(&issuer, "somebody"))]).await;
    client.download("", "report.pdf").await.unwrap();
    process.signal("TERM");
    assert!(process.exit().success());
    assert!(!process.stderr().contains(SECRET));
}
