//! What calls know about their connection.

use std::sync::Arc;

use access_broker_identity::{AcceptedProof, Peer};

/// The listener determines it, once for all calls of a connection. It is never taken from a request.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionInfo {
    /// The other end, and the local address that it connected to.
    pub(crate) peer: Arc<Peer>,
    /// The proof that every call through the listener must have.
    pub(crate) accepts: Arc<AcceptedProof>,
    /// What the listener serves.
    pub(crate) protocols: Protocols,
}

/// The protocols of a listener; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocols {
    /// gRPC over HTTP/2.
    pub grpc: bool,
    /// JSON over HTTP/1.1 and HTTP/2.
    pub http: bool,
}

impl Protocols {
    /// gRPC, and JSON over HTTP.
    pub const ALL: Self = Self { grpc: true, http: true };

    /// gRPC only.
    pub const GRPC: Self = Self { grpc: true, http: false };

    /// The names in the configuration.
    pub(crate) fn names(self) -> Vec<&'static str> {
        [("grpc", self.grpc), ("http", self.http)].into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect()
    }
}
