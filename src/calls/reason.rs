//! The reasons for callers: the only table of their names, codes and texts.

use std::time::Duration;

use super::code::Code;

/// Why a call failed, for its caller. The contract and docs/ERRORS.md have the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the contract documents them, and docs/ERRORS.md")]
pub enum Reason {
    CallerNotAuthenticated,
    RequestInvalid,
    ObjectInNoTier,
    OperationNotGranted,
    FullTtlNotAvailable,
    IssuerKeysUnavailable,
    SigningCredentialsUnavailable,
    InternalFault,
    EndpointNotGranted,
    ObjectNotFound,
    StorageRefused,
    StorageUnavailable,
    VersionNotAvailable,
    CallTimedOut,
    Overloaded,
    MessageTooLarge,
    QuotaExceeded,
    AuditUnavailable,
    CallerOverloaded,
    ClaimElsewhere,
    MethodUnknown,
    CompressionNotSupported,
    MessageCountInvalid,
    NameUnknown,
    CrossSiteRequest,
    TierAmbiguous,
}

/// Whether the same call may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// No: the same call fails again.
    No,
    /// Once, with another proof of identity.
    WithNewProof,
    /// Immediately, with a longer deadline if it was short.
    WithMoreTime,
    /// After this time, which the answer states.
    After(Duration),
    /// After a time that the answer states and that varies.
    AfterStated,
}

/// One line of the table.
struct Entry {
    name: &'static str,
    code: Code,
    http_status: u16,
    retry: Retry,
    text: &'static str,
}

const SECOND: Retry = Retry::After(Duration::from_secs(1));

impl Reason {
    /// Every reason, in the order of the contract.
    pub const ALL: [Self; 26] = [
        Self::CallerNotAuthenticated,
        Self::RequestInvalid,
        Self::ObjectInNoTier,
        Self::OperationNotGranted,
        Self::FullTtlNotAvailable,
        Self::IssuerKeysUnavailable,
        Self::SigningCredentialsUnavailable,
        Self::InternalFault,
        Self::EndpointNotGranted,
        Self::ObjectNotFound,
        Self::StorageRefused,
        Self::StorageUnavailable,
        Self::VersionNotAvailable,
        Self::CallTimedOut,
        Self::Overloaded,
        Self::MessageTooLarge,
        Self::QuotaExceeded,
        Self::AuditUnavailable,
        Self::CallerOverloaded,
        Self::ClaimElsewhere,
        Self::MethodUnknown,
        Self::CompressionNotSupported,
        Self::MessageCountInvalid,
        Self::NameUnknown,
        Self::CrossSiteRequest,
        Self::TierAmbiguous,
    ];

    #[expect(clippy::too_many_lines, reason = "the lines of one table")]
    const fn entry(self) -> Entry {
        use Code::{
            DeadlineExceeded, FailedPrecondition, Internal, InvalidArgument, NotFound, PermissionDenied,
            ResourceExhausted, Unauthenticated, Unavailable, Unimplemented,
        };
        use Retry::{AfterStated, No, WithMoreTime, WithNewProof};
        let (name, code, http_status, retry, text) = match self {
            Self::CallerNotAuthenticated => (
                "CALLER_NOT_AUTHENTICATED",
                Unauthenticated,
                401,
                WithNewProof,
                "this listener requires one valid bearer token in the header authorization",
            ),
            Self::RequestInvalid => ("REQUEST_INVALID", InvalidArgument, 400, No, "the request has invalid fields"),
            // An object outside every tier and an unknown bucket get the same answer: neither reveals what exists.
            Self::ObjectInNoTier => (
                "OBJECT_IN_NO_TIER",
                PermissionDenied,
                403,
                No,
                "no tier contains this object, or the bucket is unknown",
            ),
            Self::OperationNotGranted => (
                "OPERATION_NOT_GRANTED",
                PermissionDenied,
                403,
                No,
                "the policy does not permit this caller this operation on this object",
            ),
            Self::FullTtlNotAvailable => {
                ("FULL_TTL_NOT_AVAILABLE", FailedPrecondition, 400, No, "the URL would expire before the required time")
            }
            Self::IssuerKeysUnavailable => (
                "ISSUER_KEYS_UNAVAILABLE",
                Unavailable,
                503,
                AfterStated,
                "the issuer's signing keys are temporarily unavailable",
            ),
            Self::SigningCredentialsUnavailable => (
                "SIGNING_CREDENTIALS_UNAVAILABLE",
                Unavailable,
                503,
                AfterStated,
                "signing credentials are temporarily unavailable",
            ),
            Self::InternalFault => ("INTERNAL_FAULT", Internal, 500, No, "the broker failed; its log has the cause"),
            Self::EndpointNotGranted => (
                "ENDPOINT_NOT_GRANTED",
                PermissionDenied,
                403,
                No,
                "the policy does not permit this endpoint for this caller and object, or the endpoint is unknown",
            ),
            Self::ObjectNotFound => ("OBJECT_NOT_FOUND", NotFound, 404, No, "the object or the version does not exist"),
            Self::StorageRefused => {
                ("STORAGE_REFUSED", PermissionDenied, 403, No, "the storage denies the broker access to the object")
            }
            Self::StorageUnavailable => {
                ("STORAGE_UNAVAILABLE", Unavailable, 503, SECOND, "the storage is temporarily unavailable")
            }
            Self::VersionNotAvailable => (
                "VERSION_NOT_AVAILABLE",
                FailedPrecondition,
                400,
                No,
                "the bucket keeps no versions, so no URL can be bound to one",
            ),
            Self::CallTimedOut => (
                "CALL_TIMED_OUT",
                DeadlineExceeded,
                504,
                WithMoreTime,
                "the call timed out: the client's deadline or the broker's limit is reached",
            ),
            // Calls take milliseconds: a second later there are other ones.
            Self::Overloaded => {
                ("OVERLOADED", Unavailable, 503, SECOND, "the broker's limit of calls is reached; retry later")
            }
            Self::MessageTooLarge => {
                ("MESSAGE_TOO_LARGE", ResourceExhausted, 413, No, "the request message exceeds the broker's size limit")
            }
            Self::QuotaExceeded => {
                ("QUOTA_EXCEEDED", ResourceExhausted, 429, AfterStated, "the quota is exceeded; retry later")
            }
            // When an output of audit records is full or hangs, the operator must act.
            Self::AuditUnavailable => (
                "AUDIT_UNAVAILABLE",
                Unavailable,
                503,
                SECOND,
                "the audit output is temporarily unavailable, so the decision cannot be answered",
            ),
            // Another server would do the same work for the same caller, so that clients do not retry by themselves.
            Self::CallerOverloaded => (
                "CALLER_OVERLOADED",
                ResourceExhausted,
                429,
                SECOND,
                "the caller's limit of calls in flight is reached; retry later",
            ),
            Self::ClaimElsewhere => (
                "CLAIM_ELSEWHERE",
                PermissionDenied,
                403,
                No,
                "the policy depends on a claim that the token only refers to; use a token that contains the claim",
            ),
            Self::MethodUnknown => ("METHOD_UNKNOWN", Unimplemented, 404, No, "the broker has no such method"),
            Self::CompressionNotSupported => (
                "COMPRESSION_NOT_SUPPORTED",
                Unimplemented,
                415,
                No,
                "compressed messages are not supported; send them without compression",
            ),
            Self::MessageCountInvalid => (
                "MESSAGE_COUNT_INVALID",
                Unimplemented,
                400,
                No,
                "the call has no message; the method requires exactly one",
            ),
            Self::NameUnknown => {
                ("NAME_UNKNOWN", NotFound, 404, No, "the broker has no service, file or symbol with this name")
            }
            Self::CrossSiteRequest => (
                "CROSS_SITE_REQUEST",
                PermissionDenied,
                403,
                No,
                "a browser sent this request, and not from an origin in http.cors_origins",
            ),
            Self::TierAmbiguous => (
                "TIER_AMBIGUOUS",
                PermissionDenied,
                403,
                No,
                "two tiers of the policy contain this object, so none applies",
            ),
        };
        Entry { name, code, http_status, retry, text }
    }

    /// The name in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.entry().name
    }

    /// The code, which tells a client whether to retry.
    #[must_use]
    pub const fn code(self) -> Code {
        self.entry().code
    }

    /// The status of an answer in plain HTTP.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        self.entry().http_status
    }

    /// Whether and when to retry the call.
    #[must_use]
    pub const fn retry(self) -> Retry {
        self.entry().retry
    }

    /// The default text for the caller.
    #[must_use]
    pub const fn text(self) -> &'static str {
        self.entry().text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_is_listed_once_and_has_a_name_of_its_own() {
        assert!(Reason::ALL.into_iter().enumerate().all(|(place, reason)| reason as usize == place));
        let names: BTreeSet<_> = Reason::ALL.map(Reason::name).into();
        assert_eq!(names.len(), Reason::ALL.len());
        assert_eq!(Reason::ALL.last(), Some(&Reason::TierAmbiguous));
    }

    /// The mapping that google.rpc.Code documents, except for reasons with a more precise HTTP status.
    #[test]
    fn http_statuses_are_those_of_the_codes() {
        for reason in Reason::ALL {
            let expected = match (reason, reason.code()) {
                (Reason::MessageTooLarge, _) => 413,
                (Reason::MethodUnknown, _) => 404,
                (Reason::CompressionNotSupported, _) => 415,
                (Reason::MessageCountInvalid, _) | (_, Code::InvalidArgument | Code::FailedPrecondition) => 400,
                (_, Code::Unauthenticated) => 401,
                (_, Code::PermissionDenied) => 403,
                (_, Code::NotFound) => 404,
                (_, Code::ResourceExhausted) => 429,
                (_, Code::Internal) => 500,
                (_, Code::Unavailable) => 503,
                (_, Code::DeadlineExceeded) => 504,
                (_, other) => panic!("{other:?}"),
            };
            assert_eq!(reason.http_status(), expected, "{reason:?}");
        }
    }

    /// Clients retry `UNAVAILABLE` by themselves: each such answer says when.
    #[test]
    fn what_is_unavailable_can_be_tried_again_after_a_time() {
        for reason in Reason::ALL {
            let has_time = matches!(reason.retry(), Retry::After(_) | Retry::AfterStated);
            let may_have_time = matches!(reason.code(), Code::Unavailable | Code::ResourceExhausted);
            assert!(has_time || reason.code() != Code::Unavailable, "{reason:?}");
            assert!(may_have_time || !has_time, "{reason:?}");
        }
    }
}
