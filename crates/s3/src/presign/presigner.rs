//! The seam between what is permitted and who signs it.

use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use thiserror::Error;

use super::attribution::Attribution;
use super::signed_request::SignedRequest;
use access_broker_policy::{
    BucketName, ExpiryLimit, FieldViolation, Operation, Permit, PermittedDownload, PermittedUpload,
};

/// Turns a permit into signed requests. Without a permit there is nothing to call it with.
#[async_trait]
pub trait Presigner: fmt::Debug + Send + Sync + 'static {
    /// Signs a GET and a HEAD for one object.
    ///
    /// # Errors
    ///
    /// When the permit cannot be signed at `now`.
    fn presign_download(
        &self,
        permit: &Permit<PermittedDownload>,
        attribution: &Attribution,
        now: SystemTime,
    ) -> Result<PresignedDownload, PresignError>;

    /// Signs a PUT for one object.
    ///
    /// # Errors
    ///
    /// When the permit cannot be signed at `now`.
    fn presign_upload(
        &self,
        permit: &Permit<PermittedUpload>,
        attribution: &Attribution,
        now: SystemTime,
    ) -> Result<PresignedUpload, PresignError>;

    /// Asks for credentials of an operation that live longer than those at hand, for a caller who insists on it. Signing itself never
    /// waits for credentials.
    async fn renew_credentials(&self, bucket: &BucketName, operation: Operation);
}

/// What reads an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresignedDownload {
    /// Reads the object.
    pub get: SignedRequest,
    /// Reads its headers alone: the URL of a GET does not work for that.
    pub head: SignedRequest,
    /// The end of both.
    pub expiry: Expiry,
}

/// What writes an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresignedUpload {
    /// Writes the object.
    pub put: SignedRequest,
    /// Its end.
    pub expiry: Expiry,
}

/// When a URL stops working. A transfer that has begun by then goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// The instant, in whole seconds.
    pub at: SystemTime,
    /// What made it no later.
    pub limited_by: ExpiryLimit,
}

/// Why a permit could not be signed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PresignError {
    /// The permit names a bucket that this presigner does not have.
    #[error("the bucket is not configured for signing")]
    UnknownBucket,
    /// The permit names an endpoint that the bucket does not have.
    #[error("the endpoint is not configured for signing")]
    UnknownEndpoint,
    /// There are no credentials, or they are too close to their end.
    #[error("signing credentials are not available now")]
    CredentialsUnavailable {
        /// When it may be worth another try.
        retry_after: Duration,
    },
    /// The caller wants all of the time or nothing, and the credentials end before.
    #[error("signing credentials end before the time asked for")]
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
    /// The request would be larger than S3 takes: the fields to shorten, the largest first. There is at least one.
    #[error("the signed request would be larger than S3 takes")]
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
