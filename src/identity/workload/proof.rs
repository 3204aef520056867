//! Which proofs a listener takes, and what a workload must show.

use std::sync::Arc;
use std::time::SystemTime;

use super::forwarded_client_cert::{ForwardedClientCertError, forwarded_client_uri};
use super::{Peer, PeerAddress, SpiffeId, TrustDomain, WorkloadId};
use crate::identity::Rejection;

/// The proof that every call through a listener must bring. Exactly one kind, so that a caller cannot choose the one
/// that is easier to fake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcceptedProof {
    /// A bearer token.
    Token,
    /// The identity of a workload. A token that comes along is not looked at.
    Workload(WorkloadProof),
    /// Both, and both must hold.
    TokenAndWorkload(WorkloadProof),
}

impl AcceptedProof {
    /// The name used in configurations and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let by_header = |proof: &WorkloadProof| proof.header().is_some();
        match self {
            Self::Token => "token",
            Self::Workload(proof) if by_header(proof) => "mesh-header",
            Self::Workload(_) => "mtls",
            Self::TokenAndWorkload(proof) if by_header(proof) => "token+mesh-header",
            Self::TokenAndWorkload(_) => "token+mtls",
        }
    }

    /// What a workload must show, if one must.
    #[must_use]
    pub const fn workload(&self) -> Option<&WorkloadProof> {
        match self {
            Self::Token => None,
            Self::Workload(proof) | Self::TokenAndWorkload(proof) => Some(proof),
        }
    }
}

/// How a workload proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadProof {
    /// The trust domain that the workload must be of.
    pub trust_domain: TrustDomain,
    /// Where its name stands.
    pub source: WorkloadSource,
}

/// Where the name of a workload stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkloadSource {
    /// In the client certificate of the connection.
    ClientCertificate,
    /// In a header that a mesh's proxy sets on behalf of its client.
    MeshHeader {
        /// Which one.
        header: MeshHeader,
        /// From whom it is believed.
        hop: TrustedHop,
    },
}

/// A header in which a mesh's proxy names its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeshHeader {
    /// Envoy's and Istio's `x-forwarded-client-cert`.
    XForwardedClientCert,
    /// Linkerd's `l5d-client-id`.
    L5dClientId,
}

impl MeshHeader {
    /// Every header.
    pub const ALL: [Self; 2] = [Self::XForwardedClientCert, Self::L5dClientId];

    /// The header's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::XForwardedClientCert => "x-forwarded-client-cert",
            Self::L5dClientId => "l5d-client-id",
        }
    }
}

/// The hop whose word about its client is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedHop {
    /// Whoever connects from the loopback interface: a sidecar in the same pod, and every other process there.
    Loopback,
    /// Whoever connects to the Unix domain socket as one of these users.
    UnixUser(Vec<u32>),
    /// Whoever connects with a client certificate that names one of these workloads.
    ClientCertificate(Vec<SpiffeId>),
}

impl WorkloadProof {
    /// The workload that a call comes from. `header_values` has every value of [`header`](Self::header), in order.
    ///
    /// # Errors
    ///
    /// Why nothing is proven.
    pub fn prove<'h>(
        &self,
        peer: &Peer,
        header_values: impl IntoIterator<Item = &'h [u8]>,
        now: SystemTime,
    ) -> Result<WorkloadId, Rejection> {
        let workload = match &self.source {
            WorkloadSource::ClientCertificate => WorkloadId::Spiffe(Arc::clone(peer.certified_workload(now)?)),
            WorkloadSource::MeshHeader { header, hop } => {
                if !hop.is(peer, now)? {
                    return Err(Rejection::HopNotTrusted);
                }
                header.read(header_values)?
            }
        };
        if workload.trust_domain() == self.trust_domain.as_str() {
            Ok(workload)
        } else {
            Err(Rejection::TrustDomainMismatch)
        }
    }

    /// The header that is read, if one is.
    #[must_use]
    pub const fn header(&self) -> Option<MeshHeader> {
        match &self.source {
            WorkloadSource::ClientCertificate => None,
            WorkloadSource::MeshHeader { header, .. } => Some(*header),
        }
    }
}

impl TrustedHop {
    /// Whether the peer is this hop. Where the hop is known by its certificate, one that is no longer valid is an error.
    fn is(&self, peer: &Peer, now: SystemTime) -> Result<bool, Rejection> {
        Ok(match self {
            Self::Loopback => peer.is_loopback(),
            Self::UnixUser(users) => matches!(peer.address, PeerAddress::Unix { uid } if users.contains(&uid)),
            Self::ClientCertificate(ids) => {
                let workload = peer.certified_workload(now)?;
                ids.contains(workload)
            }
        })
    }
}

impl MeshHeader {
    /// The workload that the values of the header name.
    fn read<'h>(self, values: impl IntoIterator<Item = &'h [u8]>) -> Result<WorkloadId, Rejection> {
        match self {
            Self::XForwardedClientCert => {
                let uri = forwarded_client_uri(values).map_err(|error| match error {
                    ForwardedClientCertError::Missing => Rejection::WorkloadMissing,
                    _ => Rejection::MeshHeaderMalformed,
                })?;
                let id = SpiffeId::parse(uri).map_err(|_| Rejection::WorkloadIdMalformed)?;
                Ok(WorkloadId::Spiffe(Arc::new(id)))
            }
            Self::L5dClientId => {
                let mut values = values.into_iter();
                // The proxy sets the header in place of whatever a client sent, so that there is one.
                let name = match (values.next(), values.next()) {
                    (Some(name), None) => str::from_utf8(name).map_err(|_| Rejection::WorkloadIdMalformed)?,
                    (None, _) => return Err(Rejection::WorkloadMissing),
                    (Some(_), Some(_)) => return Err(Rejection::MeshHeaderMalformed),
                };
                // Workloads outside of the cluster have SPIFFE ids.
                WorkloadId::parse(name).ok_or(Rejection::WorkloadIdMalformed)
            }
        }
    }
}

#[cfg(test)]
mod tests;
