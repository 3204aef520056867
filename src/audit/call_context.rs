//! What the wire knows of a call beside its decision.

use access_broker_identity::PeerAddress;

/// What goes into the record of a decision and not into the decision itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CallContext {
    pub(crate) peer: Option<PeerAddress>,
    /// The trace that the call is part of.
    pub(crate) trace_id: Option<String>,
    /// What the caller, or a proxy, calls the call.
    pub(crate) request_id: Option<String>,
}
