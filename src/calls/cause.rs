//! Why calls fail, as the operator is told: finer than the reasons that callers read.

use super::malformed::MalformedRequest;
use super::reason::Reason;
use crate::admission::NoShare;
use access_broker_identity::{AuthenticationError, Rejection};

/// Why a call failed, if not by what was decided. For the log, traces and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The request is no call of a method here, by its form.
    Malformed(MalformedRequest),
    /// The proof of the caller was not accepted.
    NotAuthenticated(Rejection),
    /// The proof of the caller cannot be checked now.
    IssuerKeysUnavailable,
    /// Too many calls without a proven caller are open.
    UnprovenLimit,
    /// The caller holds its share of what calls take.
    CallerOverloaded,
    /// Everything that calls take is taken.
    Overloaded,
    /// The message is over the limit.
    MessageTooLarge,
    /// The message did not arrive in time.
    MessageTimedOut,
    /// The call took longer than the limit of the broker.
    CallTimedOut,
    /// The call took longer than its client lets it, which is less.
    ClientDeadlineExceeded,
    /// Fields of the message are malformed.
    RequestInvalid,
    /// The decision could not be recorded.
    AuditUnavailable,
    /// Health or reflection was asked about something that is not here.
    UnknownName,
    /// The code that serves the call panicked.
    Panicked,
}

impl Cause {
    /// Every cause, but for rejections, which [`Rejection::ALL`] lists.
    pub const ALL: [Self; 21] = [
        Self::Malformed(MalformedRequest::NotPost),
        Self::Malformed(MalformedRequest::NotGrpc),
        Self::Malformed(MalformedRequest::UnknownMethod),
        Self::Malformed(MalformedRequest::CompressedMessage),
        Self::Malformed(MalformedRequest::NoMessage),
        Self::Malformed(MalformedRequest::SeveralMessages),
        Self::Malformed(MalformedRequest::TruncatedMessage),
        Self::Malformed(MalformedRequest::InvalidCompressionFlag),
        Self::Malformed(MalformedRequest::UndecodableMessage),
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
            // Whose limit it was is told apart in metrics.
            Self::CallTimedOut | Self::ClientDeadlineExceeded => "call_timed_out",
            Self::RequestInvalid => "request_invalid",
            Self::AuditUnavailable => "audit_unavailable",
            Self::UnknownName => "unknown_name",
            Self::Panicked => "panicked",
        }
    }

    /// What the caller is told.
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
        }
    }

    /// The text for the caller, where it is not the reason's.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Malformed(malformed) => malformed.text(),
            other => other.reason().text(),
        }
    }

    /// Whether the call has no proven caller because of it.
    pub(crate) const fn is_rejection(self) -> bool {
        matches!(self, Self::NotAuthenticated(_) | Self::IssuerKeysUnavailable)
    }

    /// Whether a flood of calls can cause it, as fast as the network allows: of calls without a proof that is accepted,
    /// malformed ones, or more than the limits let pass.
    pub(crate) const fn comes_in_floods(self) -> bool {
        match self {
            Self::Malformed(_)
            | Self::NotAuthenticated(_)
            | Self::IssuerKeysUnavailable
            | Self::UnprovenLimit
            | Self::CallerOverloaded
            | Self::Overloaded
            | Self::MessageTimedOut
            | Self::UnknownName => true,
            Self::MessageTooLarge
            | Self::CallTimedOut
            | Self::ClientDeadlineExceeded
            | Self::RequestInvalid
            | Self::AuditUnavailable
            | Self::Panicked => false,
        }
    }
}

/// Why a call of a proven caller has no place.
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
