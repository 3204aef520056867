//! Workloads: their names, and the proofs by a connection or by a trusted hop.

mod client_certificate;
mod forwarded_client_cert;
mod linkerd_id;
mod peer;
mod proof;
mod same_pod;
mod spiffe_id;
mod trust_domain;

use std::fmt;
use std::sync::Arc;

pub use client_certificate::{ClientCertificate, ClientCertificateError};
pub use forwarded_client_cert::{ForwardedClientCertError, HeaderElements, forwarded_client_uri};
pub use linkerd_id::{LinkerdId, LinkerdIdError};
pub use peer::{Peer, PeerAddress};
pub use proof::{AcceptedProof, MeshHeader, TrustedHop, WorkloadProof, WorkloadSource};
pub use same_pod::{ISTIO_IPV6_SOURCE, is_same_pod};
pub(crate) use spiffe_id::MAX_SPIFFE_ID_BYTES;
pub use spiffe_id::{SpiffeId, SpiffeIdError, TRUST_DOMAIN_SCHEME};
pub use trust_domain::{TrustDomain, TrustDomainError};

/// The name of a workload, in one of the two forms that meshes use. Cloning it copies no text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkloadId {
    /// A SPIFFE id, such as `spiffe://prod.example/ns/media/sa/thumbnailer`.
    Spiffe(Arc<SpiffeId>),
    /// A Linkerd identity, such as `thumbnailer.media.serviceaccount.identity.linkerd.cluster.local`.
    Linkerd(Arc<LinkerdId>),
}

impl WorkloadId {
    /// Checks a name of either form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with(TRUST_DOMAIN_SCHEME) {
            SpiffeId::parse(text).ok().map(|id| Self::Spiffe(Arc::new(id)))
        } else {
            LinkerdId::parse(text).ok().map(|id| Self::Linkerd(Arc::new(id)))
        }
    }

    /// The name, byte for byte as proven.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Spiffe(id) => id.as_str(),
            Self::Linkerd(id) => id.as_str(),
        }
    }

    /// The trust domain of the name.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        match self {
            Self::Spiffe(id) => id.trust_domain(),
            Self::Linkerd(id) => id.trust_domain(),
        }
    }
}

impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
