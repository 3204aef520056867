//! Translates every failure to the reason for its caller, independent of the wire.

use std::borrow::Cow;
use std::time::Duration;

use super::cause::Cause;
use super::reason::{Reason, Retry};
use crate::broker::{BrokerError, DecisionId};
use crate::quota::{QuotaExceeded, QuotaScope};
use access_broker_identity::{AcceptedProof, AuthenticationError};
use access_broker_policy::{FieldViolation, RefusalReason};
use access_broker_s3::presign::PresignError;
use access_broker_s3::storage::InspectionError;

/// Why a call failed, with its details. The caller may get all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub(crate) reason: Reason,
    /// `None` for decisions, and for faults with their own log message.
    pub(crate) cause: Option<Cause>,
    pub(crate) text: Cow<'static, str>,
    pub(crate) decision_id: Option<DecisionId>,
    pub(crate) violations: Vec<FieldViolation>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) available_ttl: Option<Duration>,
    pub(crate) quota: Option<QuotaScope>,
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        let retry_after = match reason.retry() {
            Retry::After(time) => Some(time),
            Retry::No | Retry::WithNewProof | Retry::WithMoreTime | Retry::AfterStated => None,
        };
        Self {
            reason,
            cause: None,
            text: Cow::Borrowed(reason.text()),
            decision_id: None,
            violations: Vec::new(),
            retry_after,
            available_ttl: None,
            quota: None,
        }
    }
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self { cause: Some(cause), text: Cow::Borrowed(cause.text()), ..Self::from(cause.reason()) }
    }
}

impl Failure {
    /// The reason for the caller.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// A fault of the broker. A log message has the cause.
    pub(crate) fn internal_fault() -> Self {
        Self::from(Reason::InternalFault)
    }

    /// An unauthenticated call, at a listener that accepts these proofs.
    ///
    /// Every rejection has the same text: details about a proof would help to forge one.
    pub(crate) fn from_authentication_error(error: &AuthenticationError, accepts: &AcceptedProof) -> Self {
        match error {
            AuthenticationError::Rejected(_) => {
                let text = match accepts {
                    AcceptedProof::Token => Reason::CallerNotAuthenticated.text(),
                    AcceptedProof::Workload(_) => "this listener requires proof of an accepted workload",
                    AcceptedProof::TokenAndWorkload(_) => {
                        "this listener requires one valid bearer token in the header authorization, and proof of an \
                         accepted workload"
                    }
                };
                Self { text: Cow::Borrowed(text), ..Self::from(Cause::from(error)) }
            }
            AuthenticationError::KeysUnavailable { retry_after, .. } => {
                Self { retry_after: Some(*retry_after), ..Self::from(Cause::from(error)) }
            }
        }
    }

    /// A request with invalid fields.
    pub(crate) fn from_violations(violations: Vec<FieldViolation>) -> Self {
        Self { violations, ..Self::from(Cause::RequestInvalid) }
    }

    /// A decision without a result for the caller.
    #[must_use]
    pub fn from_broker_error(error: BrokerError, decision_id: DecisionId) -> Self {
        let failure = match error {
            BrokerError::Refused(reason) => Self::from_refusal(reason),
            BrokerError::Quota(QuotaExceeded { scope, retry_after }) => {
                Self { retry_after: Some(retry_after), quota: Some(scope), ..Self::from(Reason::QuotaExceeded) }
            }
            BrokerError::Presign(error) => Self::from_presign_error(error),
            // No setting makes this possible yet. A setting that does needs its own reason for callers.
            BrokerError::QuotaStore(_) => Self::internal_fault(),
            BrokerError::NoVersion => Self::from(Reason::VersionNotAvailable),
            BrokerError::Inspection(error) => Self::from(match error {
                InspectionError::NotFound => Reason::ObjectNotFound,
                InspectionError::Refused => Reason::StorageRefused,
                InspectionError::Unavailable(_) => Reason::StorageUnavailable,
                InspectionError::UnknownBucket => Reason::InternalFault,
            }),
        };
        Self { decision_id: Some(decision_id), ..failure }
    }

    fn from_refusal(reason: RefusalReason) -> Self {
        match reason {
            RefusalReason::ObligationsNotMet(violations) => Self { violations, ..Self::from(Reason::RequestInvalid) },
            RefusalReason::NoTier | RefusalReason::NotIncluded => Self::from(Reason::ObjectInNoTier),
            RefusalReason::TierAmbiguous => Self::from(Reason::TierAmbiguous),
            RefusalReason::NotGranted
            | RefusalReason::Denied(_)
            | RefusalReason::OperationNotOffered
            | RefusalReason::TokenEnded => Self::from(Reason::OperationNotGranted),
            RefusalReason::ClaimElsewhere(_) => Self::from(Reason::ClaimElsewhere),
            RefusalReason::EndpointNotGranted => Self::from(Reason::EndpointNotGranted),
            RefusalReason::FullTtlNotAllowed(available) => Self::without_full_ttl(available),
        }
    }

    fn from_presign_error(error: PresignError) -> Self {
        match error {
            PresignError::FullTtlUnavailable { available } => Self::without_full_ttl(available),
            PresignError::CredentialsUnavailable { retry_after } => {
                Self { retry_after: Some(retry_after), ..Self::from(Reason::SigningCredentialsUnavailable) }
            }
            PresignError::RequestTooLarge(violations) => Self {
                text: Cow::Borrowed("the signed request would exceed S3's limit of 8 KiB; use shorter values"),
                violations,
                ..Self::from(Reason::RequestInvalid)
            },
            PresignError::UnknownBucket
            | PresignError::UnknownEndpoint
            | PresignError::RepeatedTerm
            | PresignError::UnsignableLifetime
            | PresignError::UnsignableTime
            | PresignError::UnsignableHeader => Self::internal_fault(),
        }
    }

    fn without_full_ttl(available: Duration) -> Self {
        Self { available_ttl: Some(available), ..Self::from(Reason::FullTtlNotAvailable) }
    }

    pub(crate) fn without_audit_record(decision_id: DecisionId) -> Self {
        Self { decision_id: Some(decision_id), ..Self::from(Cause::AuditUnavailable) }
    }
}

/// Logs the cause of a failed decision for the operator, in addition to the access line. Callers do not get it.
pub(crate) fn log_broker_error(error: &BrokerError, decision_id: DecisionId) {
    match error {
        BrokerError::QuotaStore(error) => {
            tracing::error!(%decision_id, %error, "quota store failed: a permitted call was not counted");
        }
        BrokerError::Presign(
            error @ (PresignError::UnknownBucket
            | PresignError::UnknownEndpoint
            | PresignError::RepeatedTerm
            | PresignError::UnsignableLifetime
            | PresignError::UnsignableTime
            | PresignError::UnsignableHeader),
        ) => tracing::error!(%decision_id, %error, "signing a permitted request failed"),
        BrokerError::Inspection(InspectionError::Refused) => {
            tracing::warn!(%decision_id, "HEAD request refused: S3 denies the broker's credentials access to the object");
        }
        BrokerError::Inspection(InspectionError::Unavailable(cause)) => {
            tracing::warn!(%decision_id, cause, "HEAD request failed: S3 is unavailable");
        }
        BrokerError::Inspection(error @ InspectionError::UnknownBucket) => {
            tracing::error!(%decision_id, %error, "HEAD request failed: no storage is configured for the bucket");
        }
        BrokerError::Refused(_)
        | BrokerError::Quota(_)
        | BrokerError::NoVersion
        | BrokerError::Presign(
            PresignError::CredentialsUnavailable { .. }
            | PresignError::FullTtlUnavailable { .. }
            | PresignError::RequestTooLarge(_),
        )
        | BrokerError::Inspection(InspectionError::NotFound) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::DecisionId;

    #[test]
    fn a_failure_says_when_to_try_again_where_its_reason_does() {
        for cause in Cause::ALL {
            let failure = Failure::from(cause);
            match failure.reason.retry() {
                Retry::After(time) => assert_eq!(failure.retry_after, Some(time), "{cause:?}"),
                _ => assert_eq!(failure.retry_after, None, "{cause:?}"),
            }
        }
    }

    #[test]
    fn what_a_decision_says_is_kept() {
        let id = DecisionId::generate();
        let time = Duration::from_secs(7);
        let violations = vec![FieldViolation::new("key", "must be shorter")];
        let failure = |error| Failure::from_broker_error(error, id);
        let quota = failure(QuotaExceeded { scope: QuotaScope::Tier, retry_after: time }.into());
        assert_eq!((quota.retry_after, quota.quota), (Some(time), Some(QuotaScope::Tier)));
        let credentials = failure(PresignError::CredentialsUnavailable { retry_after: time }.into());
        assert_eq!(credentials.retry_after, Some(time));
        for error in [
            PresignError::FullTtlUnavailable { available: time }.into(),
            BrokerError::Refused(RefusalReason::FullTtlNotAllowed(time)),
        ] {
            assert_eq!(failure(error).available_ttl, Some(time));
        }
        for error in [
            PresignError::RequestTooLarge(violations.clone()).into(),
            BrokerError::Refused(RefusalReason::ObligationsNotMet(violations.clone())),
        ] {
            let failure = failure(error);
            assert_eq!((failure.reason, &failure.violations), (Reason::RequestInvalid, &violations));
            assert_eq!((failure.decision_id, failure.cause), (Some(id), None));
        }
    }
}
