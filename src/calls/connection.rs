//! What calls know of the connection that they came through.

use std::sync::Arc;

use access_broker_identity::{AcceptedProof, Peer};

/// Found out by the listener, once for all calls of a connection. It comes beside a request and never from it.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionInfo {
    /// The other end, and the address of this machine that it connected to.
    pub(crate) peer: Arc<Peer>,
    /// What every call through the listener must bring.
    pub(crate) accepts: Arc<AcceptedProof>,
}
