//! The issuer's keys over HTTPS, from a server that can be switched off.

use std::net::SocketAddr;

use axum::Router;
use axum::http::header::CONNECTION;
use axum::routing::get;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::pki::{Authority, Issued};

pub(super) struct KeyServer {
    certificate: Issued,
    authority_pem: String,
    jwks: String,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl KeyServer {
    pub(super) async fn start(jwks: &Value) -> Self {
        let authority = Authority::new("keys");
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, certificate, jwks) = (tcp.local_addr().unwrap(), authority.server(), jwks.to_string());
        let serving = serve(tcp, &certificate, jwks.clone());
        Self { certificate, authority_pem: authority.pem(), jwks, address, serving }
    }

    pub(super) fn url(&self) -> String {
        format!("https://{}/keys", self.address)
    }

    /// The authority that signed its certificate.
    pub(super) fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// Stops listening: connections are refused.
    pub(super) async fn go_down(&mut self) {
        self.serving.abort();
        assert!((&mut self.serving).await.unwrap_err().is_cancelled());
    }

    /// Listens again, at the same address.
    pub(super) async fn come_up(&mut self) {
        let tcp = TcpListener::bind(self.address).await.unwrap();
        self.serving = serve(tcp, &self.certificate, self.jwks.clone());
    }
}

/// Every connection is for one answer, so that none outlives the listener.
fn serve(tcp: TcpListener, certificate: &Issued, jwks: String) -> JoinHandle<()> {
    let router = Router::new().route("/keys", get(async move || ([(CONNECTION, "close")], jwks)));
    certificate.serve_on(tcp, router)
}
