//! From every failure to its gRPC status: code, text for the caller, reason and details.

use std::collections::HashMap;
use std::time::Duration;

use tonic::body::Body;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation as FieldViolationDetail, QuotaViolation, StatusExt};

use super::malformed::MalformedRequest;
use super::proto::ErrorReason;
use crate::broker::{BrokerError, DecisionId};
use crate::identity::{AcceptedProof, AuthenticationError};
use crate::policy::{FieldViolation, RefusalReason};
use crate::presign::PresignError;
use crate::quota::{QuotaExceeded, QuotaScope};
use crate::storage::InspectionError;

/// `google.rpc.ErrorInfo.domain` of every error.
const ERROR_DOMAIN: &str = "accessbroker.v1";

/// The status of a call whose caller is not proven.
pub(super) fn status_of_authentication_error(
    error: &AuthenticationError,
    accepts: &AcceptedProof,
    request_id: &str,
) -> Status {
    match error {
        // One text for every cause: what was wrong with a proof helps whoever forges one.
        AuthenticationError::Rejected(_) => Failure {
            code: Code::Unauthenticated,
            reason: ErrorReason::CallerNotAuthenticated,
            message: match accepts {
                AcceptedProof::Token => "the call needs one valid bearer token in its authorization metadata",
                AcceptedProof::Workload(_) => "the call needs to come from a workload that this listener accepts",
                AcceptedProof::TokenAndWorkload(_) => {
                    "the call needs one valid bearer token in its authorization metadata, and to come from a workload \
                     that this listener accepts"
                }
            },
            ..Failure::default()
        }
        .into_status(request_id),
        AuthenticationError::KeysUnavailable { retry_after, .. } => Failure {
            code: Code::Unavailable,
            reason: ErrorReason::IssuerKeysUnavailable,
            message: "the keys of the token's issuer are not available at the moment",
            retry_after: Some(*retry_after),
            ..Failure::default()
        }
        .into_status(request_id),
    }
}

/// The status of a request with bad fields.
pub(super) fn status_of_violations(
    violations: &[FieldViolation],
    decision_id: Option<DecisionId>,
    request_id: &str,
) -> Status {
    Failure {
        code: Code::InvalidArgument,
        reason: ErrorReason::RequestInvalid,
        message: "the request has invalid fields",
        violations,
        decision_id,
        ..Failure::default()
    }
    .into_status(request_id)
}

/// When S3 gave no answer, the next attempt may find it again.
const STORAGE_RETRY: Duration = Duration::from_secs(1);

/// The status of a decision that came to nothing.
pub(super) fn status_of_broker_error(error: &BrokerError, decision_id: DecisionId, request_id: &str) -> Status {
    let failure = match error {
        BrokerError::Refused(RefusalReason::ObligationsNotMet(violations)) => {
            return status_of_violations(violations, Some(decision_id), request_id);
        }
        // An object outside every tier and an unknown bucket answer alike: neither confirms what exists.
        BrokerError::Refused(RefusalReason::NoTier | RefusalReason::NotIncluded) => Failure {
            code: Code::PermissionDenied,
            reason: ErrorReason::ObjectInNoTier,
            message: "no tier holds this object, or the bucket is not known",
            ..Failure::default()
        },
        BrokerError::Refused(
            RefusalReason::NotGranted
            | RefusalReason::Denied(_)
            | RefusalReason::OperationNotOffered
            | RefusalReason::TokenEnded,
        ) => Failure {
            code: Code::PermissionDenied,
            reason: ErrorReason::OperationNotGranted,
            message: "the policy does not allow this caller to do this with this object",
            ..Failure::default()
        },
        BrokerError::Refused(RefusalReason::ClaimElsewhere(_)) => Failure {
            code: Code::PermissionDenied,
            reason: ErrorReason::ClaimElsewhere,
            message: "the policy depends on a claim that the token does not list; the token says that it is in another place",
            ..Failure::default()
        },
        BrokerError::Refused(RefusalReason::EndpointNotGranted) => Failure {
            code: Code::PermissionDenied,
            reason: ErrorReason::EndpointNotGranted,
            message: "the policy does not allow this endpoint for this caller and object, or it is not known",
            ..Failure::default()
        },
        BrokerError::Refused(RefusalReason::FullTtlNotAllowed(available))
        | BrokerError::Presign(PresignError::FullTtlUnavailable { available }) => Failure {
            code: Code::FailedPrecondition,
            reason: ErrorReason::FullTtlNotAvailable,
            message: "the URL cannot work for as long as required",
            available_ttl: Some(*available),
            ..Failure::default()
        },
        BrokerError::Quota(QuotaExceeded { scope, retry_after }) => Failure {
            code: Code::ResourceExhausted,
            reason: ErrorReason::QuotaExceeded,
            message: "the quota is used up for now",
            retry_after: Some(*retry_after),
            quota: Some(*scope),
            ..Failure::default()
        },
        // No setting leads here yet. The one that does brings a reason of its own for callers.
        BrokerError::QuotaStore(error) => {
            tracing::error!(decision_id = %decision_id, %error, "a permitted call could not be counted");
            Failure::default()
        }
        BrokerError::Presign(PresignError::CredentialsUnavailable { retry_after }) => Failure {
            code: Code::Unavailable,
            reason: ErrorReason::SigningCredentialsUnavailable,
            message: "the credentials that sign are not available at the moment",
            retry_after: Some(*retry_after),
            ..Failure::default()
        },
        BrokerError::Presign(PresignError::RequestTooLarge(violations)) => Failure {
            code: Code::InvalidArgument,
            reason: ErrorReason::RequestInvalid,
            message: "the signed request would be larger than the 8 KiB that S3 takes; use shorter values",
            violations,
            ..Failure::default()
        },
        BrokerError::Presign(other) => {
            tracing::error!(decision_id = %decision_id, error = %other, "a permitted request could not be signed");
            Failure::default()
        }
        BrokerError::NoVersion => Failure {
            code: Code::FailedPrecondition,
            reason: ErrorReason::VersionNotAvailable,
            message: "the bucket keeps no versions of the object that a URL could be bound to",
            ..Failure::default()
        },
        BrokerError::Inspection(error) => failure_of_inspection(error, decision_id),
    };
    Failure { decision_id: Some(decision_id), ..failure }.into_status(request_id)
}

fn failure_of_inspection(error: &InspectionError, decision_id: DecisionId) -> Failure<'static> {
    match error {
        InspectionError::NotFound => Failure {
            code: Code::NotFound,
            reason: ErrorReason::ObjectNotFound,
            message: "there is no such object, or no such version of it",
            ..Failure::default()
        },
        InspectionError::Refused => {
            tracing::warn!(decision_id = %decision_id, "S3 does not let the broker's own credentials look at an object");
            Failure {
                code: Code::PermissionDenied,
                reason: ErrorReason::StorageRefused,
                message: "the storage does not let the broker look at the object",
                ..Failure::default()
            }
        }
        InspectionError::Unavailable(cause) => {
            tracing::warn!(decision_id = %decision_id, cause, "S3 could not be asked about an object");
            Failure {
                code: Code::Unavailable,
                reason: ErrorReason::StorageUnavailable,
                message: "the storage cannot be asked at the moment",
                retry_after: Some(STORAGE_RETRY),
                ..Failure::default()
            }
        }
        InspectionError::UnknownBucket => {
            tracing::error!(decision_id = %decision_id, error = %error, "a permitted object could not be looked at");
            Failure::default()
        }
    }
}

/// When an output of audit records is full or hangs, somebody must see to it.
const AUDIT_RETRY: Duration = Duration::from_secs(1);

/// The status of a decision that could not be recorded.
pub(super) fn status_without_audit_record(decision_id: DecisionId, request_id: &str) -> Status {
    Failure {
        code: Code::Unavailable,
        reason: ErrorReason::AuditUnavailable,
        message: "the decision cannot be recorded at the moment, so there is no answer",
        decision_id: Some(decision_id),
        retry_after: Some(AUDIT_RETRY),
        ..Failure::default()
    }
    .into_status(request_id)
}

/// The status of a call that reached the service past the authentication layer without a caller.
pub(super) fn status_without_caller(request_id: &str) -> Status {
    tracing::error!("a call reached the service without an authenticated caller");
    Failure::default().into_status(request_id)
}

/// The status of a call of which nobody knows where it came from.
pub(super) fn status_without_connection(request_id: &str) -> Status {
    tracing::error!("a call reached authentication without its connection");
    Failure::default().into_status(request_id)
}

/// The status of a call that took too long.
pub(super) fn status_of_timeout(request_id: &str) -> Status {
    Failure {
        code: Code::DeadlineExceeded,
        reason: ErrorReason::CallTimedOut,
        message: "the call took longer than its deadline or the broker's limit",
        ..Failure::default()
    }
    .into_status(request_id)
}

/// Calls take milliseconds: a second later there are other ones.
const OVERLOAD_RETRY: Duration = Duration::from_millis(OVERLOAD_RETRY_MILLIS);

const OVERLOAD_RETRY_MILLIS: u64 = 1_000;

/// Tells clients that retry by themselves how long to wait first (gRFC A6), in milliseconds.
const RETRY_PUSHBACK: &str = "grpc-retry-pushback-ms";

/// The status of a call for which the server has no place. Another server may have one, so that clients retry.
pub(super) fn status_of_overload(request_id: &str) -> Status {
    let mut status = Failure {
        code: Code::Unavailable,
        reason: ErrorReason::Overloaded,
        message: "the broker serves as many calls as it can at the moment",
        retry_after: Some(OVERLOAD_RETRY),
        ..Failure::default()
    }
    .into_status(request_id);
    status.metadata_mut().insert(RETRY_PUSHBACK, MetadataValue::from(OVERLOAD_RETRY_MILLIS));
    status
}

/// The answer to a stream that is refused before its call is looked at: it has no id and no line in the log.
#[must_use]
pub fn refusal_of_stream() -> http::Response<Body> {
    status_of_overload("").into_http()
}

/// The status of a call whose caller has as many calls under way as its share is. Another server would do the same work
/// for the same caller, so that clients do not retry by themselves.
pub(super) fn status_of_callers_overload(request_id: &str) -> Status {
    Failure {
        code: Code::ResourceExhausted,
        reason: ErrorReason::CallerOverloaded,
        message: "the caller has as many calls under way as the broker serves for one caller at the moment",
        retry_after: Some(OVERLOAD_RETRY),
        ..Failure::default()
    }
    .into_status(request_id)
}

/// The status of a call whose message was larger than the service takes.
pub(super) fn status_of_oversized_message(request_id: &str) -> Status {
    Failure {
        code: Code::ResourceExhausted,
        reason: ErrorReason::MessageTooLarge,
        message: "the request message is larger than the broker takes",
        ..Failure::default()
    }
    .into_status(request_id)
}

/// The header that lists the compressions that a server takes.
pub(super) const ACCEPTED_ENCODINGS: &str = "grpc-accept-encoding";

/// The status of a request that is no call of a method here, by its form.
pub(super) fn status_of_malformed_request(malformed: MalformedRequest, request_id: &str) -> Status {
    let (code, reason, message) = match malformed {
        // These two are answered in plain HTTP before anything else is known of them.
        MalformedRequest::NotPost | MalformedRequest::NotGrpc => {
            (Code::InvalidArgument, ErrorReason::RequestInvalid, "the request is not gRPC")
        }
        MalformedRequest::UnknownMethod => {
            (Code::Unimplemented, ErrorReason::MethodUnknown, "the broker has no such method")
        }
        MalformedRequest::CompressedMessage => (
            Code::Unimplemented,
            ErrorReason::CompressionNotSupported,
            "the broker takes no compressed messages; send them without grpc-encoding",
        ),
        MalformedRequest::NoMessage => {
            (Code::Unimplemented, ErrorReason::MessageCountInvalid, "the call has no message, and the method takes one")
        }
        MalformedRequest::SeveralMessages => (
            Code::Unimplemented,
            ErrorReason::MessageCountInvalid,
            "the call has more than one message, and the method takes one",
        ),
        MalformedRequest::TruncatedMessage => {
            (Code::InvalidArgument, ErrorReason::RequestInvalid, "the request ends in the middle of a message")
        }
        MalformedRequest::InvalidCompressionFlag => (
            Code::InvalidArgument,
            ErrorReason::RequestInvalid,
            "the bytes in front of a message are not those of gRPC: its compression flag must be 0",
        ),
        MalformedRequest::UndecodableMessage => (
            Code::InvalidArgument,
            ErrorReason::RequestInvalid,
            "the message is not the protobuf message that the method takes",
        ),
    };
    let mut status = Failure { code, reason, message, ..Failure::default() }.into_status(request_id);
    if malformed == MalformedRequest::CompressedMessage {
        status.metadata_mut().insert(ACCEPTED_ENCODINGS, MetadataValue::from_static("identity"));
    }
    status
}

/// The status of a question of health or reflection about something that is not here.
pub(super) fn status_of_unknown_name(request_id: &str) -> Status {
    Failure {
        code: Code::NotFound,
        reason: ErrorReason::NameUnknown,
        message: "the broker has no service, file or symbol of this name",
        ..Failure::default()
    }
    .into_status(request_id)
}

/// The status of a call that the gRPC library ended in a way that nothing here accounts for.
pub(super) fn status_of_library_fault(code: Code, request_id: &str) -> Status {
    tracing::error!(request_id, code = super::code_name::code_name(code), "a call ended in an unexpected status");
    Failure::default().into_status(request_id)
}

/// The status of a call whose handler panicked.
pub(super) fn status_of_panic(request_id: &str) -> Status {
    Failure::default().into_status(request_id)
}

/// The parts of an error answer. The default is a fault of the broker.
struct Failure<'a> {
    code: Code,
    reason: ErrorReason,
    message: &'static str,
    decision_id: Option<DecisionId>,
    violations: &'a [FieldViolation],
    retry_after: Option<Duration>,
    available_ttl: Option<Duration>,
    quota: Option<QuotaScope>,
}

impl Default for Failure<'_> {
    fn default() -> Self {
        Self {
            code: Code::Internal,
            reason: ErrorReason::InternalFault,
            message: "the broker failed; its log says more",
            decision_id: None,
            violations: &[],
            retry_after: None,
            available_ttl: None,
            quota: None,
        }
    }
}

impl Failure<'_> {
    /// `request_id` goes into the details as `google.rpc.RequestInfo`.
    fn into_status(self, request_id: &str) -> Status {
        let mut metadata = HashMap::new();
        if let Some(id) = self.decision_id {
            metadata.insert("decisionId".to_owned(), id.to_string());
        }
        if let Some(available) = self.available_ttl {
            metadata.insert("availableTtlSeconds".to_owned(), available.as_secs().to_string());
        }
        let name = self.reason.as_str_name();
        let reason = name.strip_prefix("ERROR_REASON_").unwrap_or(name);
        let mut details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, metadata);
        if !self.violations.is_empty() {
            let violations: Vec<FieldViolationDetail> = self
                .violations
                .iter()
                .map(|FieldViolation { field, rule }| FieldViolationDetail::new(*field, format!("{field} {rule}")))
                .collect();
            details.set_bad_request(violations);
        }
        if let Some(scope) = self.quota {
            details.set_quota_failure(vec![QuotaViolation::new(scope.name(), "too many calls in too short a time")]);
        }
        if let Some(retry_after) = self.retry_after {
            details.set_retry_info(Some(retry_after));
        }
        if !request_id.is_empty() {
            details.set_request_info(request_id, "");
        }
        Status::with_error_details(self.code, self.message, details)
    }
}
