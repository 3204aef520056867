//! The result of signing a permit.

use std::time::SystemTime;

use super::signed_request::SignedRequest;
use access_broker_policy::ExpiryLimit;

/// The signed requests of a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresignedDownload {
    /// Reads the object.
    pub get: SignedRequest,
    /// Reads its headers: the URL of a GET does not work for HEAD.
    pub head: SignedRequest,
    /// The expiry of both.
    pub expiry: Expiry,
}

/// The signed request of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresignedUpload {
    /// Writes the object.
    pub put: SignedRequest,
    /// When S3 stops accepting it.
    pub expiry: Expiry,
}

/// When a URL expires. A transfer that has begun before continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// The instant, in whole seconds.
    pub at: SystemTime,
    /// What limits it.
    pub limited_by: ExpiryLimit,
}
