//! The interface of inspectors.

use std::fmt;

use async_trait::async_trait;
use thiserror::Error;

use super::stored_object::StoredObject;
use access_broker_policy::{HeaderText, PermittedObject};

/// Describes objects that the policy permits. It cannot be called without a permit.
#[async_trait]
pub trait ObjectInspector: fmt::Debug + Send + Sync + 'static {
    /// Reads an object's headers, and on request its tags: of one version, or of the current one.
    ///
    /// # Errors
    ///
    /// When the object does not exist, may not be inspected, or the request timed out. Unreadable tags are not an
    /// error.
    async fn inspect(
        &self,
        object: &PermittedObject,
        version_id: Option<&HeaderText>,
        scope: InspectionScope,
    ) -> Result<StoredObject, InspectionError>;
}

/// What an inspection reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InspectionScope {
    /// The headers: one request.
    Headers,
    /// The headers and the tags: one more request, which needs a separate permission.
    HeadersAndTags,
}

/// Why an object could not be described.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InspectionError {
    /// The object or version does not exist, or was deleted.
    #[error("S3 has no such object")]
    NotFound,
    /// S3 refuses the broker's credentials. Also S3's answer for a missing object to credentials that may not list the
    /// bucket.
    #[error("S3 refuses the broker's credentials")]
    Refused,
    /// No answer, a timeout, or a server error, with the SDK's text, which has no URL.
    #[error("S3 is temporarily unavailable: {0}")]
    Unavailable(String),
    /// The permit names a bucket that this inspector does not have.
    #[error("the bucket is not configured")]
    UnknownBucket,
}

impl InspectionError {
    /// The reason's name in logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "object_not_found",
            Self::Refused => "storage_refused",
            Self::Unavailable(_) => "storage_unavailable",
            Self::UnknownBucket => "unknown_bucket",
        }
    }
}
