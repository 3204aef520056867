//! What the wire adds to the record of a decision.

use access_broker_identity::PeerAddress;

/// Fields of the record that are not part of the decision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CallContext {
    pub(crate) peer: Option<PeerAddress>,
    /// The trace that the call belongs to.
    pub(crate) trace_id: Option<String>,
    /// The id of the call.
    pub(crate) request_id: Option<String>,
}
