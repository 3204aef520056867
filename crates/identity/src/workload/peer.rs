//! The other end of a connection.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use super::{ClientCertificate, SpiffeId, is_same_pod};
use crate::{CertificateThumbprint, Rejection};

/// What a listener knows of the other end of a connection, without headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The address that the connection comes from.
    pub address: PeerAddress,
    /// The address of this machine that the connection was made to; `None` over a Unix domain socket.
    pub own_ip: Option<IpAddr>,
    /// Whether the loopback interface has the address that Istio's sidecar connects from over IPv6.
    pub has_istio_source: bool,
    /// The peer's client certificate, whose chain the handshake verified; `None` without one. The error: why a verified
    /// certificate names no workload.
    pub certificate: Option<Result<ClientCertificate, Rejection>>,
}

/// The address that a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerAddress {
    /// A TCP connection.
    Tcp(SocketAddr),
    /// A Unix domain socket.
    Unix {
        /// The user id of the connecting process, from the kernel.
        uid: u32,
    },
}

/// For logs: `192.0.2.7:40100`, or `uid:1000`.
impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix { uid } => write!(f, "uid:{uid}"),
        }
    }
}

impl Peer {
    /// The IP address of a TCP connection.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self.address {
            PeerAddress::Tcp(address) => Some(address.ip()),
            PeerAddress::Unix { .. } => None,
        }
    }

    /// Whether the connection comes from this machine's loopback interface.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        match self.address {
            PeerAddress::Tcp(address) => address.ip().to_canonical().is_loopback(),
            PeerAddress::Unix { .. } => false,
        }
    }

    /// Whether the connection comes from this process's own network namespace; see [`is_same_pod`].
    #[must_use]
    pub(crate) fn is_in_same_pod(&self) -> bool {
        self.ip().zip(self.own_ip).is_some_and(|(peer, own)| is_same_pod(peer, own, self.has_istio_source))
    }

    /// The thumbprint of the client certificate, if the connection has a usable one.
    #[must_use]
    pub fn certificate_thumbprint(&self) -> Option<&CertificateThumbprint> {
        self.certificate.as_ref()?.as_ref().ok().map(ClientCertificate::thumbprint)
    }

    /// The workload of the client certificate.
    ///
    /// # Errors
    ///
    /// When the certificate is missing, names no workload, or has expired. A connection may outlive its certificate:
    /// SVIDs are valid for an hour, connections last for days.
    pub(super) fn certified_workload(&self, now: SystemTime) -> Result<&Arc<SpiffeId>, Rejection> {
        let certificate = self.certificate.as_ref().ok_or(Rejection::WorkloadMissing)?;
        let certificate = certificate.as_ref().map_err(|rejection| *rejection)?;
        if (certificate.not_before()..=certificate.not_after()).contains(&now) {
            Ok(certificate.id())
        } else {
            Err(Rejection::ClientCertificateExpired)
        }
    }
}
