//! HTTPS servers with certificates of an authority.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::serve::Listener;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Authority, Issued};

impl Authority {
    /// Serves on loopback, with a certificate for that.
    pub async fn serve(&self, router: Router) -> SocketAddr {
        self.serve_as("127.0.0.1", router).await
    }

    /// Serves on loopback, with a certificate for a host.
    pub async fn serve_as(&self, host: &str, router: Router) -> SocketAddr {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        self.server_for(&[host]).serve_on(tcp, router);
        address
    }
}

impl Issued {
    /// Serves with this certificate, until the task is aborted.
    pub fn serve_on(&self, tcp: TcpListener, router: Router) -> JoinHandle<()> {
        let config = ServerConfig::builder().with_no_client_auth();
        let acceptor = Arc::new(config.with_single_cert(self.chain(), self.key_der()).unwrap()).into();
        let listener = TlsListener { tcp, acceptor };
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
    }
}

struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
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

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
