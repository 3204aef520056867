//! One listener: its socket, and connections from it.

mod unix_socket;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time;

use self::unix_socket::UnixSocket;
use super::connection::{Connection, Transport};
use super::tls::ListenerTls;
use crate::config::{ListenAddress, ListenerSettings};
use crate::grpc::ConnectionInfo;
use crate::identity::{AcceptedProof, ClientCertificate, Peer, PeerAddress, Rejection};

/// The pause after a failure to accept that will not go away by itself at once, such as too many open files. Without
/// one the loop would spin.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// A bound socket and what goes with it.
pub(super) struct Listener {
    socket: Socket,
    tls: Option<Arc<ListenerTls>>,
    accepts: Arc<AcceptedProof>,
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixSocket),
}

/// Where a listener can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoundAddress {
    /// An IP address and the port that was bound.
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
    pub(super) async fn bind(settings: &ListenerSettings) -> anyhow::Result<Self> {
        let ListenerSettings { address, proof, tls } = settings;
        let tls = tls.as_ref().map(ListenerTls::load).transpose();
        let tls = tls.with_context(|| format!("TLS of the listener at {address} cannot be set up"))?;
        let bound = match address {
            ListenAddress::Tcp(address) => TcpListener::bind(address).await.map(Socket::Tcp),
            ListenAddress::Unix { path, mode } => UnixSocket::bind(path, *mode).map(Socket::Unix),
        };
        let socket = bound.with_context(|| format!("cannot listen at {address}"))?;
        Ok(Self { socket, tls: tls.map(Arc::new), accepts: Arc::new(proof.clone()) })
    }

    pub(super) fn address(&self) -> io::Result<BoundAddress> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().map(BoundAddress::Tcp),
            Socket::Unix(socket) => Ok(BoundAddress::Unix(socket.path().to_owned())),
        }
    }

    /// What has to watch the certificates' files, if there are any.
    pub(super) const fn tls(&self) -> Option<&Arc<ListenerTls>> {
        self.tls.as_ref()
    }

    /// Accepts connections and hands on those whose handshake is done, until nobody takes them any more. Never fails:
    /// what one connection does is of no concern to the next.
    pub(super) async fn run(self, connections: mpsc::Sender<Connection>) {
        let mut handshakes = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.accept() => match accepted {
                    Ok(accepted) => {
                        let (tls, accepts) = (self.tls.clone(), Arc::clone(&self.accepts));
                        let connections = connections.clone();
                        let peer = accepted.peer();
                        handshakes.spawn(async move {
                            match shake_hands(accepted, tls, accepts).await {
                                // Nobody takes connections any more when the server stops.
                                Ok(connection) => drop(connections.send(connection).await),
                                Err(error) => log_failure(&error, peer),
                            }
                        });
                    }
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        tracing::warn!(%error, "connections cannot be accepted");
                        time::sleep(ACCEPT_RETRY_DELAY).await;
                    }
                },
                Some(_) = handshakes.join_next() => {}
                () = connections.closed() => return,
            }
        }
    }

    async fn accept(&self) -> io::Result<Accepted> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // An answer is one small write, and waiting for more only delays it. Where this cannot be set, that is
                // all that is lost.
                let _delayed_at_worst = stream.set_nodelay(true);
                Ok(Accepted::Tcp(stream, address))
            }
            Socket::Unix(socket) => Ok(Accepted::Unix(socket.accept().await?)),
        }
    }
}

enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Accepted {
    const fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(_, address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

/// Does the handshake, where there is one, and finds out who is at the other end.
async fn shake_hands(
    accepted: Accepted,
    tls: Option<Arc<ListenerTls>>,
    accepts: Arc<AcceptedProof>,
) -> io::Result<Connection> {
    let (transport, peer) = match (accepted, tls) {
        (Accepted::Tcp(stream, address), None) => {
            (Transport::Tcp(stream), Peer { address: PeerAddress::Tcp(address), certificate: None })
        }
        (Accepted::Tcp(stream, address), Some(tls)) => {
            let stream = tls.accept(stream).await?;
            let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            let certificate = leaf.map(|leaf| read_certificate(leaf, address));
            (Transport::Tls(Box::new(stream)), Peer { address: PeerAddress::Tcp(address), certificate })
        }
        (Accepted::Unix(stream), _) => {
            let uid = stream.peer_cred()?.uid();
            (Transport::Unix(stream), Peer { address: PeerAddress::Unix { uid }, certificate: None })
        }
    };
    Ok(Connection::new(transport, ConnectionInfo { peer: Arc::new(peer), accepts }))
}

fn read_certificate(leaf: &[u8], address: SocketAddr) -> Result<ClientCertificate, Rejection> {
    ClientCertificate::parse(leaf).map_err(|error| {
        tracing::debug!(peer = %address, cause = %error, "a client certificate names no workload");
        Rejection::ClientCertificateUnusable
    })
}

/// A client that goes away without a word is a probe of a load balancer more often than not. Anything else may be a
/// certificate that somebody has to mend.
fn log_failure(error: &io::Error, peer: Option<SocketAddr>) {
    let peer = peer.map(tracing::field::display);
    if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) {
        tracing::debug!(peer, %error, "a connection came to nothing");
    } else {
        tracing::info!(peer, %error, "a connection came to nothing");
    }
}

/// Whether the failure is that of the connection which was about to be accepted: the next one may be fine.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
