//! The use cases: decide, inspect or sign, and record what was decided.

mod decision;
mod download;
mod error;
mod issued_terms;
mod steps;
mod upload;
mod verification;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;
use std::time::SystemTime;

pub(crate) use decision::UseCase;
pub use decision::{Decision, DecisionId, Outcome};
pub(crate) use download::{DownloadRequest, Existence, IssuedDownload};
pub use error::BrokerError;
pub use issued_terms::IssuedTerms;
pub(crate) use upload::{IssuedUpload, UploadRequest};
pub use verification::{Aspect, Verification};
pub(crate) use verification::{Expectations, VerificationRequest};

use crate::policy_store::PolicyStore;
use crate::quota::Quotas;
use access_broker_identity::{Caller, Pseudonyms};
use access_broker_s3::presign::Presigner;
use access_broker_s3::storage::ObjectInspector;

/// A caller whose proof was accepted, and the one instant by which everything about its call is judged.
#[derive(Debug, Clone)]
pub struct AuthenticatedCaller {
    /// Proven by a token, a certificate or both.
    pub caller: Arc<Caller>,
    /// When the proof was accepted.
    pub at: SystemTime,
}

/// What a broker works with.
#[derive(Debug, Clone)]
pub struct Backends {
    /// The policy in force.
    pub policy: Arc<PolicyStore>,
    /// For every bucket.
    pub presigner: Arc<dyn Presigner>,
    /// Asked before a download that must exist, and after an upload.
    pub inspector: Arc<dyn ObjectInspector>,
    /// Makes an id that no other decision has.
    pub decision_ids: fn() -> DecisionId,
    /// What callers are called in S3's log.
    pub pseudonyms: Arc<Pseudonyms>,
    /// How often URLs may be issued.
    pub quotas: Arc<Quotas>,
}

/// Decides by the policy in force and signs what it permits.
#[derive(Debug, Clone)]
pub struct Broker(Backends);

impl Broker {
    /// Nothing is read or asked before the first request.
    #[must_use]
    pub const fn new(backends: Backends) -> Self {
        Self(backends)
    }
}
