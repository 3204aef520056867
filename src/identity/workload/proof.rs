//! Which proofs a listener takes.

use super::{SpiffeId, TrustDomain};

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
