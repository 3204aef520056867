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
}
