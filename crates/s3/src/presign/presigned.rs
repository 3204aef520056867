//! What a presigner makes of a permit.

use std::time::SystemTime;

use super::signed_request::SignedRequest;
use access_broker_policy::ExpiryLimit;

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
    /// When S3 stops accepting it.
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
