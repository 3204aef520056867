//! The other end of a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use super::SpiffeId;
use crate::identity::Rejection;

/// What a listener knows of the other end of a connection. Nothing in it comes from a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Where the connection comes from.
    pub address: PeerAddress,
    /// The workload that the peer's client certificate names; `None` without a client certificate. The certificate's
    /// chain was verified by the handshake; the error says why a verified certificate still names no workload.
    pub workload: Option<Result<Arc<SpiffeId>, Rejection>>,
}

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerAddress {
    /// A TCP connection.
    Tcp(SocketAddr),
    /// A Unix domain socket.
    Unix {
        /// The user id of the connecting process, as the kernel tells it.
        uid: u32,
    },
}

impl Peer {
    /// Whether the connection comes from this machine's loopback interface.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        match self.address {
            PeerAddress::Tcp(address) => address.ip().to_canonical().is_loopback(),
            PeerAddress::Unix { .. } => false,
        }
    }
}
