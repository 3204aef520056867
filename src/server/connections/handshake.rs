//! From an accepted socket to a connection with a known peer.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Semaphore;

use super::connection::{Connection, Transport};
use super::stalled_writes::StalledWrites;
use super::tls::ListenerTls;
use crate::calls::{ConnectionInfo, Protocols};
use access_broker_identity::{
    AcceptedProof, ClientCertificate, Peer, PeerAddress, Rejection, TrustedHop, WorkloadProof, is_same_pod,
};

/// A connection to serve: an accepted socket, or one end of an in-memory pipe.
#[derive(Debug)]
pub(in crate::server) enum Accepted {
    Tcp {
        stream: TcpStream,
        peer: SocketAddr,
        /// The local address that the peer connected to.
        own: SocketAddr,
    },
    Unix(UnixStream),
    /// The peer is the server itself.
    Memory(DuplexStream),
}

impl Accepted {
    pub(super) const fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp { peer, .. } => Some(*peer),
            Self::Unix(_) | Self::Memory(_) => None,
        }
    }

    const fn own_ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp { own, .. } => Some(own.ip()),
            Self::Unix(_) | Self::Memory(_) => None,
        }
    }
}

/// A listener's requirements of its connections.
#[derive(Debug, Clone)]
pub(in crate::server) struct Requirements {
    pub(in crate::server) tls: Option<Arc<ListenerTls>>,
    pub(in crate::server) accepts: Arc<AcceptedProof>,
    pub(in crate::server) protocols: Protocols,
    /// Whether the loopback interface has the address that Istio's sidecar connects from over IPv6.
    pub(in crate::server) has_istio_source: bool,
}

impl Requirements {
    /// Whether the peer is the trusted proxy in the same pod: the whole mesh connects from its one address.
    pub(super) fn is_trusted_proxy_of_pod(&self, accepted: &Accepted) -> bool {
        let trusts_pod = self.accepts.workload().and_then(WorkloadProof::hop) == Some(&TrustedHop::Pod);
        let addresses = accepted.peer().map(|peer| peer.ip()).zip(accepted.own_ip());
        trusts_pod && addresses.is_some_and(|(peer, own)| is_same_pod(peer, own, self.has_istio_source))
    }
}

/// Time limits of the peer.
#[derive(Debug, Clone, Copy)]
pub(super) struct PeerLimits {
    /// For its first TLS message, and again for the rest of the handshake.
    pub(super) handshake: Duration,
    /// For reading a byte that it was sent.
    pub(super) delivery: Duration,
}

/// Makes the handshake, if there is one, and identifies the peer.
pub(super) async fn shake_hands(
    accepted: Accepted,
    requirements: Requirements,
    places: &Semaphore,
    limits: PeerLimits,
) -> io::Result<Connection> {
    let Requirements { tls, accepts, protocols, has_istio_source } = requirements;
    let own_ip = accepted.own_ip();
    let (transport, peer) = match (accepted, tls) {
        (Accepted::Tcp { stream, peer, .. }, None) => (
            Transport::Tcp(StalledWrites::new(stream, limits.delivery)),
            Peer { address: PeerAddress::Tcp(peer), own_ip, has_istio_source, certificate: None },
        ),
        (Accepted::Tcp { stream, peer, .. }, Some(tls)) => {
            let stream = StalledWrites::new(stream, limits.delivery);
            let stream = tls.accept(stream, limits.handshake, places).await?;
            let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            let certificate = leaf.map(|leaf| read_certificate(leaf, peer));
            (
                Transport::Tls(Box::new(stream)),
                Peer { address: PeerAddress::Tcp(peer), own_ip, has_istio_source, certificate },
            )
        }
        (Accepted::Unix(stream), _) => {
            let uid = stream.peer_cred()?.uid();
            let stream = StalledWrites::new(stream, limits.delivery);
            (
                Transport::Unix(stream),
                Peer { address: PeerAddress::Unix { uid }, own_ip, has_istio_source, certificate: None },
            )
        }
        (Accepted::Memory(stream), _) => {
            let uid = rustix::process::geteuid().as_raw();
            let stream = StalledWrites::new(stream, limits.delivery);
            (
                Transport::Memory(stream),
                Peer { address: PeerAddress::Unix { uid }, own_ip, has_istio_source, certificate: None },
            )
        }
    };
    Ok(Connection::new(transport, ConnectionInfo { peer: Arc::new(peer), accepts, protocols }))
}

fn read_certificate(leaf: &[u8], address: SocketAddr) -> Result<ClientCertificate, Rejection> {
    ClientCertificate::parse(leaf).map_err(|error| {
        tracing::debug!(peer = %address, cause = %error, "client certificate invalid: it names no workload");
        Rejection::ClientCertificateUnusable
    })
}

/// A client that leaves without data is usually a load balancer's probe. Other failures may show a certificate that
/// must be replaced.
pub(super) fn log_failure(error: &io::Error, peer: Option<SocketAddr>) {
    let peer = peer.map(tracing::field::display);
    if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) {
        tracing::debug!(peer, %error, "handshake failed");
    } else {
        tracing::info!(peer, %error, "handshake failed");
    }
}
