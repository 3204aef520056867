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
        /// When to retry.
        retry_after: Duration,
    },
    /// The caller requires the full lifetime, and the credentials expire earlier.
    #[error("signing credentials expire before the requested time")]
    FullTtlUnavailable {
        /// The longest lifetime that can be signed now, in whole seconds.
        available: Duration,
    },
    /// A response override or a metadata entry is repeated. Servers differ in which one they use.
    #[error("a term of the permit is repeated")]
    RepeatedTerm,
    /// The permit's lifetime is not from 1 to 604,800 seconds. The policy makes no such permits.
    #[error("the permit's lifetime is invalid: it must be from 1 to 604,800 seconds")]
    UnsignableLifetime,
    /// The clock shows a year before 1970 or after 9999.
    #[error("the clock's time is invalid: it must be in the years 1970 to 9999")]
    UnsignableTime,
    /// The request would be over S3's size limit: the fields to shorten, the largest first. There is at least one.
    #[error("the signed request would be over S3's size limit")]
    RequestTooLarge(Vec<FieldViolation>),
    /// A term is not a valid header value. The types of the terms exclude that.
    #[error("a term of the permit is invalid as a header")]
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
