//! Why a permit could not be signed.

use std::time::Duration;

use thiserror::Error;

use access_broker_policy::FieldViolation;

/// Why a permit could not be signed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PresignError {
    /// The permit names a bucket that this presigner does not have.
    #[error("the bucket is not configured for signing")]
    UnknownBucket,
    /// The permit names an endpoint that the bucket does not have.
    #[error("the endpoint is not configured for signing")]
    UnknownEndpoint,
    /// There are no credentials, or they expire too soon.
    #[error("signing credentials are temporarily unavailable")]
    CredentialsUnavailable {
        /// When it may be worth another try.
        retry_after: Duration,
    },
    /// The caller wants all of the time or nothing, and the credentials end before.
    #[error("signing credentials expire before the requested time")]
    FullTtlUnavailable {
        /// The longest life that could be signed now, in whole seconds.
        available: Duration,
    },
    /// A response override or a piece of metadata is there twice, and servers differ on which of them counts.
    #[error("a term of the permit is given twice")]
    RepeatedTerm,
    /// The permit's life is not 1 to 604,800 seconds. The policy makes no such permits.
    #[error("the permit has a lifetime that cannot be signed")]
    UnsignableLifetime,
    /// The clock shows a year before 1970 or after 9999.
    #[error("the clock shows a time that cannot be signed")]
    UnsignableTime,
    /// The request would be over S3's size limit: the fields to shorten, the largest first. There is at least one.
    #[error("the signed request would be over S3's size limit")]
    RequestTooLarge(Vec<FieldViolation>),
    /// A term does not fit into a header. The types of the terms leave no such values.
    #[error("a term of the permit cannot be signed as a header")]
    UnsignableHeader,
}

impl PresignError {
    /// The reason's name in logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownBucket => "unknown_bucket",
            Self::UnknownEndpoint => "unknown_endpoint",
            Self::CredentialsUnavailable { .. } => "signing_credentials_unavailable",
            Self::FullTtlUnavailable { .. } => "full_ttl_unavailable",
            Self::RepeatedTerm => "repeated_term",
            Self::UnsignableLifetime => "unsignable_lifetime",
            Self::UnsignableTime => "unsignable_time",
            Self::RequestTooLarge(_) => "request_too_large",
            Self::UnsignableHeader => "unsignable_header",
        }
    }
}
