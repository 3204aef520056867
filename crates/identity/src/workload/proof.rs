//! The proofs that a listener accepts.

use std::sync::Arc;
use std::time::SystemTime;

use super::forwarded_client_cert::{ForwardedClientCertError, HeaderElements, forwarded_client_uri};
use super::{Peer, PeerAddress, SpiffeId, TrustDomain, WorkloadId};
use crate::Rejection;

/// The proof that each call through a listener must have. It is exactly one kind, so that a caller cannot choose the
/// one that is easier to forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcceptedProof {
    /// A bearer token.
    Token,
    /// The identity of a workload. A token is ignored.
    Workload(WorkloadProof),
    /// Both, and both must be valid.
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

    /// The proof of a workload, if it is required.
    #[must_use]
    pub const fn workload(&self) -> Option<&WorkloadProof> {
        match self {
            Self::Token => None,
            Self::Workload(proof) | Self::TokenAndWorkload(proof) => Some(proof),
        }
    }
}

/// How a workload proves its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadProof {
    /// The trust domain that the workload must be of.
    pub trust_domain: TrustDomain,
    /// Where its name is.
    pub source: WorkloadSource,
}

/// Where the name of a workload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkloadSource {
    /// In the client certificate of the connection.
    ClientCertificate,
    /// In a header that a mesh's proxy sets on behalf of its client.
    MeshHeader {
        /// Any other header is ignored.
        header: MeshHeader,
        /// The hop that is trusted to set it.
        hop: TrustedHop,
        /// How many elements it may have, if it is a list.
        elements: HeaderElements,
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

/// The hop that is trusted to name its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedHop {
    /// Each peer on the loopback interface: a sidecar in the same pod, and any other process in the pod.
    Loopback,
    /// Each peer in the network namespace of this process, by loopback or by the address that it connects to: a sidecar
    /// in the same pod, and any other process in the pod.
    Pod,
    /// Each process that connects to the Unix domain socket as one of these users.
    UnixUser(Vec<u32>),
    /// Each peer whose client certificate names one of these workloads.
    ClientCertificate(Vec<SpiffeId>),
}

impl WorkloadProof {
    /// The workload that a call comes from. `header_values` has every value of [`header`](Self::header), in order.
    ///
    /// # Errors
    ///
    /// Why the workload is not proven.
    pub fn prove<'h>(
        &self,
        peer: &Peer,
        header_values: impl IntoIterator<Item = &'h [u8]>,
        now: SystemTime,
    ) -> Result<WorkloadId, Rejection> {
        let workload = match &self.source {
            WorkloadSource::ClientCertificate => WorkloadId::Spiffe(Arc::clone(peer.certified_workload(now)?)),
            WorkloadSource::MeshHeader { header, hop, elements } => {
                if !hop.matches(peer, now)? {
                    return Err(Rejection::HopNotTrusted);
                }
                header.read(header_values, *elements)?
            }
        };
        if workload.trust_domain() == self.trust_domain.as_str() {
            Ok(workload)
        } else {
            Err(Rejection::TrustDomainMismatch)
        }
    }

    /// The mesh's header, if one is used.
    #[must_use]
    pub const fn header(&self) -> Option<MeshHeader> {
        match &self.source {
            WorkloadSource::ClientCertificate => None,
            WorkloadSource::MeshHeader { header, .. } => Some(*header),
        }
    }

    /// The trusted hop, if a header is used.
    #[must_use]
    pub const fn hop(&self) -> Option<&TrustedHop> {
        match &self.source {
            WorkloadSource::ClientCertificate => None,
            WorkloadSource::MeshHeader { hop, .. } => Some(hop),
        }
    }
}

impl TrustedHop {
    /// [`Loopback`](Self::Loopback) in configurations.
    pub const LOOPBACK: &str = "loopback";

    /// [`Pod`](Self::Pod) in configurations.
    pub const POD: &str = "pod";

    /// The prefix of a user id in configurations.
    pub const USER_PREFIX: &str = "uid:";

    /// Its names in configurations.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Loopback => vec![Self::LOOPBACK.to_owned()],
            Self::Pod => vec![Self::POD.to_owned()],
            Self::UnixUser(users) => users.iter().map(|user| format!("{}{user}", Self::USER_PREFIX)).collect(),
            Self::ClientCertificate(ids) => ids.iter().map(ToString::to_string).collect(),
        }
    }

    /// Whether any process in this process's network namespace is this hop.
    #[must_use]
    pub const fn is_every_process_in_the_namespace(&self) -> bool {
        matches!(self, Self::Loopback | Self::Pod)
    }

    /// Whether the peer is this hop. If the hop is identified by its certificate, an expired one is an error.
    fn matches(&self, peer: &Peer, now: SystemTime) -> Result<bool, Rejection> {
        Ok(match self {
            Self::Loopback => peer.is_loopback(),
            Self::Pod => peer.is_in_same_pod(),
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
    fn read<'h>(
        self,
        values: impl IntoIterator<Item = &'h [u8]>,
        elements: HeaderElements,
    ) -> Result<WorkloadId, Rejection> {
        match self {
            Self::XForwardedClientCert => {
                let uri = forwarded_client_uri(values, elements).map_err(|error| match error {
                    ForwardedClientCertError::Missing => Rejection::WorkloadMissing,
                    ForwardedClientCertError::SeveralElements => Rejection::SeveralMeshElements,
                    _ => Rejection::MeshHeaderMalformed,
                })?;
                let id = SpiffeId::parse(uri).map_err(|_| Rejection::WorkloadIdMalformed)?;
                Ok(WorkloadId::Spiffe(Arc::new(id)))
            }
            Self::L5dClientId => {
                let mut values = values.into_iter();
                // The proxy replaces the client's header, so there must be exactly one.
                let name = match (values.next(), values.next()) {
                    (Some(name), None) => str::from_utf8(name).map_err(|_| Rejection::WorkloadIdMalformed)?,
                    (None, _) => return Err(Rejection::WorkloadMissing),
                    (Some(_), Some(_)) => return Err(Rejection::MeshHeaderMalformed),
                };
                // Workloads outside the cluster have SPIFFE ids.
                WorkloadId::parse(name).ok_or(Rejection::WorkloadIdMalformed)
            }
        }
    }
}

#[cfg(test)]
mod tests;
