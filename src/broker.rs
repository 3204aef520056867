//! The use cases: decide, sign, and tell what was decided.

mod decision;
mod issue;

use std::sync::Arc;
use std::time::SystemTime;

pub use decision::{Decision, DecisionId, DecisionIds, Outcome, TimeOrderedDecisionIds};
pub use issue::{DownloadRequest, IssueError, Issued, UploadRequest};

use crate::identity::Caller;
use crate::policy::PolicyStore;
use crate::presign::Presigner;

/// A caller whose proof was accepted, and the one instant by which everything about its call is judged.
#[derive(Debug, Clone)]
pub struct AuthenticatedCaller {
    /// Who is asking.
    pub caller: Arc<Caller>,
    /// When the proof was accepted.
    pub at: SystemTime,
}

/// Decides by the policy in force and signs what it permits.
#[derive(Clone)]
pub struct Broker {
    policy: Arc<PolicyStore>,
    presigner: Arc<dyn Presigner>,
    decision_ids: Arc<dyn DecisionIds>,
}

impl Broker {
    /// A broker over its counterparts.
    #[must_use]
    pub fn new(policy: Arc<PolicyStore>, presigner: Arc<dyn Presigner>, decision_ids: Arc<dyn DecisionIds>) -> Self {
        Self { policy, presigner, decision_ids }
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker").finish_non_exhaustive()
    }
}
