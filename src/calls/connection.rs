//! What the layers know of the connection that a call came through.

use std::sync::Arc;

use crate::identity::{AcceptedProof, Peer};

/// In the extensions of every call, put there by the listener for all calls of a connection.
#[derive(Debug, Clone)]
pub struct ConnectionInfo {
    /// The other end.
    pub peer: Arc<Peer>,
    /// What every call through the listener must bring.
    pub accepts: Arc<AcceptedProof>,
}
