//! One listener: its socket, and its connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task;
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;

use super::accept_backoff::{AcceptBackoff, AcceptFailure, is_of_one_connection};
use super::own_network;
use super::unix_socket::UnixSocket;
use crate::config::{ListenAddress, ListenerSettings};
use crate::server::connections::Connections;
use crate::server::connections::handshake::{Accepted, Requirements};
use crate::server::connections::tls::{ListenerTls, TlsError};
use crate::telemetry::{ListenerCertificate, Sampled};

/// When the server stops: the socket is closed after this time without a new connection.
const SWEEP_PAUSE: Duration = Duration::from_millis(10);

/// The maximum of that, if connections keep arriving.
const SWEEP_LIMIT: Duration = Duration::from_secs(1);

/// Why an address cannot be used. The system's error alone does not say what to do.
pub(in crate::server) fn bind_error(error: io::Error, address: impl fmt::Display) -> anyhow::Error {
    let reason = match error.kind() {
        io::ErrorKind::AddrInUse => ", because another process uses it; stop that process or change the address",
        io::ErrorKind::AddrNotAvailable => ", because it is not an address of this machine",
        _ => "",
    };
    anyhow::Error::new(error).context(format!("listening at {address} failed{reason}"))
}

pub(in crate::server) struct Listener {
    socket: Socket,
    requirements: Requirements,
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixSocket),
}

/// The address of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoundAddress {
    /// An IP address and the bound port.
    Tcp(SocketAddr),
    /// The path of a Unix domain socket.
    Unix(PathBuf),
}

impl fmt::Display for BoundAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Listener {
    /// Reads the certificates and binds the socket.
    ///
    /// `settle` is how long a certificate file that was changed in place must be unchanged before it becomes active.
    pub(in crate::server) async fn bind(settings: &ListenerSettings, settle: Duration) -> anyhow::Result<Self> {
        let ListenerSettings { address, proof, tls, protocols } = settings;
        let protocols = *protocols;
        let tls = match tls.clone() {
            None => None,
            Some(tls) => {
                let loaded = task::spawn_blocking(move || ListenerTls::load(&tls, protocols, settle)).await;
                let loaded = loaded.unwrap_or(Err(TlsError::Interrupted));
                Some(loaded.with_context(|| format!("setting up TLS of the listener at {address} failed"))?)
            }
        };
        let bound = match address {
            ListenAddress::Tcp(address) => TcpListener::bind(address).await.map(Socket::Tcp),
            ListenAddress::Unix { path, mode } => UnixSocket::bind(path, *mode).map(Socket::Unix),
        };
        let socket = bound.map_err(|error| bind_error(error, address))?;
        let (tls, accepts) = (tls.map(Arc::new), Arc::new(proof.clone()));
        // It reads a file of /proc, which does not block.
        Ok(Self {
            socket,
            requirements: Requirements { tls, accepts, protocols, has_istio_source: own_network::has_istio_source() },
        })
    }

    /// The state of the certificates for metrics, if there are any.
    pub(in crate::server) fn certificate(&self, address: &BoundAddress) -> Option<ListenerCertificate> {
        let tls = Arc::clone(self.tls()?);
        Some(ListenerCertificate { listener: address.to_string().into(), status: Sampled::new(move || tls.status()) })
    }

    pub(in crate::server) fn address(&self) -> io::Result<BoundAddress> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().map(BoundAddress::Tcp),
            Socket::Unix(socket) => Ok(BoundAddress::Unix(socket.path().to_owned())),
        }
    }

    /// The TLS state whose files must be watched, if there is one.
    pub(in crate::server) const fn tls(&self) -> Option<&Arc<ListenerTls>> {
        self.requirements.tls.as_ref()
    }

    /// Accepts connections until the token is cancelled, and then those that the system has accepted by that time. One
    /// connection cannot end it.
    pub(in crate::server) async fn run(self, connections: Connections, stop: CancellationToken) {
        let mut backoff = AcceptBackoff::default();
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok(accepted) => {
                    backoff.succeeded();
                    connections.admit(accepted, self.requirements.clone());
                    connections.ready_for_another().await;
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    connections.counters().accept_errors.add_one();
                    let AcceptFailure { pause, is_logged } = backoff.failed(Instant::now());
                    if is_logged {
                        tracing::warn!(%error, "accepting connections failed; the server retries");
                    }
                    time::sleep(pause).await;
                }
            }
        }
        if let Socket::Unix(socket) = &self.socket {
            socket.remove_file();
        }
        // The system has accepted these already, and would reset them when the socket is closed.
        let _bounded = time::timeout(SWEEP_LIMIT, async {
            while let Ok(accepted) = time::timeout(SWEEP_PAUSE, self.accept()).await {
                match accepted {
                    Ok(accepted) => connections.admit(accepted, self.requirements.clone()),
                    Err(_) => time::sleep(backoff.failed(Instant::now()).pause).await,
                }
            }
        })
        .await;
    }

    async fn accept(&self) -> io::Result<Accepted> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // An answer is one small write, and waiting for more only delays it. If this option fails, nothing else
                // is affected.
                let _delayed_at_worst = stream.set_nodelay(true);
                let own = stream.local_addr()?;
                Ok(Accepted::Tcp { stream, peer, own })
            }
            Socket::Unix(socket) => Ok(Accepted::Unix(socket.accept().await?)),
        }
    }
}
