//! Why a call failed.

use thiserror::Error;

use crate::quota::{QuotaError, QuotaExceeded, QuotaStoreError};
use access_broker_policy::RefusalReason;
use access_broker_s3::presign::PresignError;
use access_broker_s3::storage::InspectionError;

/// Why a request got no result.
#[derive(Debug, Clone, Error)]
pub enum BrokerError {
    /// The policy refused the request.
    #[error("the policy refused the request: {}", .0.code())]
    Refused(RefusalReason),
    /// The policy permits it, and a quota is exceeded.
    #[error(transparent)]
    Quota(#[from] QuotaExceeded),
    /// The policy permits it, and the quota store failed.
    #[error(transparent)]
    QuotaStore(#[from] QuotaStoreError),
    /// The policy permits it, and signing failed.
    #[error(transparent)]
    Presign(#[from] PresignError),
    /// The policy permits it, and the HEAD request failed.
    #[error(transparent)]
    Inspection(#[from] InspectionError),
    /// The policy permits it, and the object has no version to bind the URL to.
    #[error("S3 returned no version of the object")]
    NoVersion,
}

impl BrokerError {
    /// The reason's name in logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(reason) => reason.code(),
            Self::Quota(_) => "quota_exceeded",
            Self::QuotaStore(error) => error.code(),
            Self::Presign(error) => error.code(),
            Self::Inspection(error) => error.code(),
            Self::NoVersion => "no_version",
        }
    }

    /// The name of the rule that refused, if one did.
    #[must_use]
    pub(crate) fn refusing_rule(&self) -> Option<&str> {
        match self {
            Self::Refused(RefusalReason::Denied(rule) | RefusalReason::ClaimElsewhere(Some(rule))) => Some(rule),
            _ => None,
        }
    }
}

impl From<QuotaError> for BrokerError {
    fn from(error: QuotaError) -> Self {
        match error {
            QuotaError::Exceeded(exceeded) => exceeded.into(),
            QuotaError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}
