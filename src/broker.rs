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

/// An authenticated caller, and the instant that everything about its call is judged by.
#[derive(Debug, Clone)]
pub struct AuthenticatedCaller {
    /// Authenticated by a token, a certificate or both.
    pub caller: Arc<Caller>,
    /// When the proof of identity was accepted.
    pub at: SystemTime,
}

/// The parts of a broker.
#[derive(Debug, Clone)]
pub struct Backends {
    /// The active policy.
    pub policy: Arc<PolicyStore>,
    /// For every bucket.
    pub presigner: Arc<dyn Presigner>,
    /// Queried before a download with `must_exist`, and after an upload.
    pub inspector: Arc<dyn ObjectInspector>,
    /// Makes a unique decision id.
    pub decision_ids: fn() -> DecisionId,
    /// Makes the pseudonyms of callers in S3's log.
    pub pseudonyms: Arc<Pseudonyms>,
    /// Limits how often URLs are issued.
    pub quotas: Arc<Quotas>,
}

/// Decides by the active policy and signs what it permits.
#[derive(Debug, Clone)]
pub struct Broker(Backends);

impl Broker {
    /// Does nothing before the first request.
    #[must_use]
    pub const fn new(backends: Backends) -> Self {
        Self(backends)
    }
}
