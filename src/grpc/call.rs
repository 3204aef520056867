//! What is known of one call while it passes through the layers.

use std::sync::{Arc, OnceLock};

use crate::broker::Decision;
use crate::identity::Caller;

/// Filled in on the way of a call and read once, when the call has ended. Each fact is learnt at most once.
#[derive(Debug, Clone, Default)]
pub(super) struct CallRecord(Arc<CallFacts>);

#[derive(Debug, Default)]
struct CallFacts {
    caller: OnceLock<Arc<Caller>>,
    decision: OnceLock<Decision>,
    reason: OnceLock<&'static str>,
}

impl CallRecord {
    pub(super) fn set_caller(&self, caller: Arc<Caller>) {
        let _already_known = self.0.caller.set(caller);
    }

    pub(super) fn set_decision(&self, decision: Decision) {
        let _already_known = self.0.decision.set(decision);
    }

    /// Why the call failed, by a name that is the same every time.
    pub(super) fn set_reason(&self, reason: &'static str) {
        let _already_known = self.0.reason.set(reason);
    }

    pub(super) fn caller(&self) -> Option<&Caller> {
        self.0.caller.get().map(AsRef::as_ref)
    }

    pub(super) fn decision(&self) -> Option<&Decision> {
        self.0.decision.get()
    }

    pub(super) fn reason(&self) -> Option<&'static str> {
        self.0.reason.get().copied()
    }
}
