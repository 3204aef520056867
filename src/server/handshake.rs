//! From an accepted socket to a connection whose other end is known.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Semaphore;

use super::connection::{Connection, Transport};
use super::stalled_writes::StalledWrites;
use super::tls::ListenerTls;
use crate::grpc::ConnectionInfo;
use crate::identity::{AcceptedProof, ClientCertificate, Peer, PeerAddress, Rejection};

/// A socket that a listener has accepted.
#[derive(Debug)]
pub(super) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Accepted {
    pub(super) const fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(_, address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

/// What a listener asks of its connections.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub(super) tls: Option<Arc<ListenerTls>>,
    pub(super) accepts: Arc<AcceptedProof>,
}

/// How long the other end may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct PeerLimits {
    /// For its first message of TLS, for the rest of the handshake, and for its first bytes of HTTP/2: as long for each.
    pub(super) handshake: Duration,
    /// To take a byte that it was sent.
    pub(super) delivery: Duration,
}

/// Does the handshake, where there is one, and finds out who is at the other end.
pub(super) async fn shake_hands(
    accepted: Accepted,
    terms: Terms,
    places: &Semaphore,
    limits: PeerLimits,
) -> io::Result<Connection> {
    let Terms { tls, accepts } = terms;
    let (transport, peer) = match (accepted, tls) {
        (Accepted::Tcp(stream, address), None) => (
            Transport::Tcp(StalledWrites::new(stream, limits.delivery)),
            Peer { address: PeerAddress::Tcp(address), certificate: None },
        ),
        (Accepted::Tcp(stream, address), Some(tls)) => {
            let stream = StalledWrites::new(stream, limits.delivery);
            let stream = tls.accept(stream, limits.handshake, places).await?;
            let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            let certificate = leaf.map(|leaf| read_certificate(leaf, address));
            (Transport::Tls(Box::new(stream)), Peer { address: PeerAddress::Tcp(address), certificate })
        }
        (Accepted::Unix(stream), _) => {
            let uid = stream.peer_cred()?.uid();
            let stream = StalledWrites::new(stream, limits.delivery);
            (Transport::Unix(stream), Peer { address: PeerAddress::Unix { uid }, certificate: None })
        }
    };
    Ok(Connection::new(transport, ConnectionInfo { peer: Arc::new(peer), accepts }, limits.handshake))
}

fn read_certificate(leaf: &[u8], address: SocketAddr) -> Result<ClientCertificate, Rejection> {
    ClientCertificate::parse(leaf).map_err(|error| {
        tracing::debug!(peer = %address, cause = %error, "a client certificate names no workload");
        Rejection::ClientCertificateUnusable
    })
}

/// A client that goes away without a word is a probe of a load balancer more often than not. Anything else may be a
/// certificate that somebody has to mend.
pub(super) fn log_failure(error: &io::Error, peer: Option<SocketAddr>) {
    let peer = peer.map(tracing::field::display);
    if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) {
        tracing::debug!(peer, %error, "handshake failed");
    } else {
        tracing::info!(peer, %error, "handshake failed");
    }
}
