//! The use cases: decide, look or sign, and tell what was decided.

mod conclusion;
mod decision;
mod download;
mod error;
mod issued_terms;
mod upload;
mod verification;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

pub use decision::{Decision, DecisionId, DecisionIds, Outcome, TimeOrderedDecisionIds, UseCase};
pub use download::{DownloadRequest, Existence, IssuedDownload};
pub use error::BrokerError;
pub use issued_terms::IssuedTerms;
pub use upload::{IssuedUpload, UploadRequest};
pub use verification::{Aspect, Expectations, Verification, VerificationRequest};

use crate::identity::{Caller, Pseudonyms};
use crate::policy_store::PolicyStore;
use crate::presign::Presigner;
use crate::quota::Quotas;
use crate::storage::ObjectInspector;

/// A caller whose proof was accepted, and the one instant by which everything about its call is judged.
#[derive(Debug, Clone)]
pub struct AuthenticatedCaller {
    /// Who is asking.
    pub caller: Arc<Caller>,
    /// When the proof was accepted.
    pub at: SystemTime,
}

/// What a broker works with.
#[derive(Debug, Clone)]
pub struct Counterparts {
    /// The policy in force.
    pub policy: Arc<PolicyStore>,
    /// Who signs.
    pub presigner: Arc<dyn Presigner>,
    /// Who looks at objects.
    pub inspector: Arc<dyn ObjectInspector>,
    /// Where decisions get their ids from.
    pub decision_ids: Arc<dyn DecisionIds>,
    /// What callers are called in S3's log.
    pub pseudonyms: Arc<Pseudonyms>,
    /// How often URLs may be issued.
    pub quotas: Arc<Quotas>,
}

/// Decides by the policy in force and signs what it permits.
#[derive(Debug, Clone)]
pub struct Broker(Counterparts);

impl Broker {
    /// A broker over its counterparts.
    #[must_use]
    pub const fn new(counterparts: Counterparts) -> Self {
        Self(counterparts)
    }
}
