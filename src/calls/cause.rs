//! Why calls fail, for operators: in more detail than the reasons for callers.

use super::malformed::MalformedRequest;
use super::reason::Reason;
use crate::admission::NoShare;
use access_broker_identity::{AuthenticationError, Rejection};

/// Why a call failed, other than by its decision. For the log, traces and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The request is malformed.
    Malformed(MalformedRequest),
    /// The proof of identity was rejected.
    NotAuthenticated(Rejection),
    /// The proof of identity cannot be checked now.
    IssuerKeysUnavailable,
    /// The limit of unauthenticated calls is reached.
    UnprovenLimit,
    /// The caller has its share of a limit.
    CallerOverloaded,
    /// A limit of calls is reached.
    Overloaded,
    /// The message exceeds the size limit.
    MessageTooLarge,
    /// The message timed out.
    MessageTimedOut,
    /// The call timed out by the broker's limit.
    CallTimedOut,
    /// The call timed out by its client's deadline, which is shorter.
    ClientDeadlineExceeded,
    /// Fields of the message are invalid.
    RequestInvalid,
    /// The decision could not be recorded.
    AuditUnavailable,
    /// A health or reflection request names something that does not exist.
    UnknownName,
    /// The code that serves the call panicked.
    Panicked,
    /// A page of another site sent the request, or a browser asks whether it may.
    CrossSite,
    /// The request names a host that this server does not serve.
    ForeignHost,
}

impl Cause {
    /// Every cause except rejections, which [`Rejection::ALL`] lists.
    pub const ALL: [Self; 29] = [
        Self::Malformed(MalformedRequest::NotPost),
        Self::Malformed(MalformedRequest::NotGrpc),
        Self::Malformed(MalformedRequest::UnknownMethod),
        Self::Malformed(MalformedRequest::CompressedMessage),
        Self::Malformed(MalformedRequest::NoMessage),
        Self::Malformed(MalformedRequest::SeveralMessages),
        Self::Malformed(MalformedRequest::TruncatedMessage),
        Self::Malformed(MalformedRequest::InvalidCompressionFlag),
        Self::Malformed(MalformedRequest::UndecodableMessage),
        Self::Malformed(MalformedRequest::MethodNotAllowed),
        Self::Malformed(MalformedRequest::NotAcceptable),
        Self::Malformed(MalformedRequest::UnsupportedMediaType),
        Self::Malformed(MalformedRequest::InvalidHeader),
        Self::Malformed(MalformedRequest::UnexpectedBody),
        Self::Malformed(MalformedRequest::InvalidQuery),
        Self::IssuerKeysUnavailable,
        Self::UnprovenLimit,
        Self::CallerOverloaded,
        Self::Overloaded,
        Self::MessageTooLarge,
        Self::MessageTimedOut,
        Self::CallTimedOut,
        Self::ClientDeadlineExceeded,
        Self::RequestInvalid,
        Self::AuditUnavailable,
        Self::UnknownName,
        Self::Panicked,
        Self::CrossSite,
        Self::ForeignHost,
    ];

    /// The name in the log, in traces and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed(malformed) => malformed.code(),
            Self::NotAuthenticated(rejection) => rejection.code(),
            Self::IssuerKeysUnavailable => "issuer_keys_unavailable",
            Self::UnprovenLimit => "unproven_limit",
            Self::CallerOverloaded => "caller_overloaded",
            Self::Overloaded => "overloaded",
            Self::MessageTooLarge => "message_too_large",
            Self::MessageTimedOut => "message_timed_out",
            // Metrics distinguish these two.
            Self::CallTimedOut | Self::ClientDeadlineExceeded => "call_timed_out",
            Self::RequestInvalid => "request_invalid",
            Self::AuditUnavailable => "audit_unavailable",
            Self::UnknownName => "unknown_name",
            Self::Panicked => "panicked",
            Self::CrossSite => "cross_site",
            Self::ForeignHost => "foreign_host",
        }
    }

    /// The reason for the caller.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Malformed(malformed) => malformed.reason(),
            Self::NotAuthenticated(_) => Reason::CallerNotAuthenticated,
            Self::IssuerKeysUnavailable => Reason::IssuerKeysUnavailable,
            Self::UnprovenLimit | Self::Overloaded => Reason::Overloaded,
            Self::CallerOverloaded => Reason::CallerOverloaded,
            Self::MessageTooLarge => Reason::MessageTooLarge,
            Self::MessageTimedOut | Self::CallTimedOut | Self::ClientDeadlineExceeded => Reason::CallTimedOut,
            Self::RequestInvalid => Reason::RequestInvalid,
            Self::AuditUnavailable => Reason::AuditUnavailable,
            Self::UnknownName => Reason::NameUnknown,
            Self::Panicked => Reason::InternalFault,
            Self::CrossSite | Self::ForeignHost => Reason::CrossSiteRequest,
        }
    }

    /// The text for the caller, if it differs from the reason's.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Malformed(malformed) => malformed.text(),
            Self::ForeignHost => "the header host names a host that this server does not serve",
            other => other.reason().text(),
        }
    }

    /// The status of an answer in plain HTTP.
    pub(crate) const fn http_status(self) -> u16 {
        match self {
            Self::Malformed(malformed) => malformed.http_status(),
            other => other.reason().http_status(),
        }
    }

    /// Whether the call has no authenticated caller because of it.
    pub(crate) const fn is_rejection(self) -> bool {
        matches!(self, Self::NotAuthenticated(_) | Self::IssuerKeysUnavailable)
    }

    /// Whether a flood of calls can cause it, as fast as the network allows: calls without an accepted proof, malformed
    /// calls, or calls over a limit.
    pub(crate) const fn comes_in_floods(self) -> bool {
        match self {
            Self::Malformed(_)
            | Self::NotAuthenticated(_)
            | Self::IssuerKeysUnavailable
            | Self::UnprovenLimit
            | Self::CallerOverloaded
            | Self::Overloaded
            | Self::MessageTimedOut
            | Self::UnknownName
            | Self::CrossSite
            | Self::ForeignHost => true,
            Self::MessageTooLarge
            | Self::CallTimedOut
            | Self::ClientDeadlineExceeded
            | Self::RequestInvalid
            | Self::AuditUnavailable
            | Self::Panicked => false,
        }
    }
}

/// Why a call of an authenticated caller gets no slot.
impl From<NoShare> for Cause {
    fn from(error: NoShare) -> Self {
        match error {
            NoShare::OverShare => Self::CallerOverloaded,
            NoShare::Full => Self::Overloaded,
        }
    }
}

impl From<&AuthenticationError> for Cause {
    fn from(error: &AuthenticationError) -> Self {
        match error {
            AuthenticationError::Rejected(rejection) => Self::NotAuthenticated(*rejection),
            AuthenticationError::KeysUnavailable { .. } => Self::IssuerKeysUnavailable,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_malformed_request_is_listed_and_names_are_shared_by_both_deadlines_only() {
        for malformed in MalformedRequest::ALL {
            assert!(Cause::ALL.contains(&Cause::Malformed(malformed)), "{malformed:?}");
        }
        let names: BTreeSet<_> = Cause::ALL.map(Cause::name).into();
        assert_eq!(names.len() + 1, Cause::ALL.len());
        assert_eq!(Cause::CallTimedOut.name(), Cause::ClientDeadlineExceeded.name());
    }
}
