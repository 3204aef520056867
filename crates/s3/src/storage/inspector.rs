//! The seam between what is permitted and what describes objects.

use std::fmt;

use async_trait::async_trait;
use thiserror::Error;

use super::stored_object::StoredObject;
use access_broker_policy::{HeaderText, PermittedObject};

/// Describes objects that the policy permits. Without a permitted object there is nothing to call it with.
#[async_trait]
pub trait ObjectInspector: fmt::Debug + Send + Sync + 'static {
    /// Asks for an object's headers, and for its tags if wanted: of one version, or of the current one.
    ///
    /// # Errors
    ///
    /// When the object is not there, may not be inspected, or no answer came in time. Tags that cannot be read are no
    /// error.
    async fn inspect(
        &self,
        object: &PermittedObject,
        version_id: Option<&HeaderText>,
        scope: InspectionScope,
    ) -> Result<StoredObject, InspectionError>;
}

/// What an inspection asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InspectionScope {
    /// The headers: one request.
    Headers,
    /// The tags, too: one request more, by a permission of its own.
    HeadersAndTags,
}

/// Why an object could not be described.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InspectionError {
    /// There is no such object or version, or it was deleted.
    #[error("S3 has no such object")]
    NotFound,
    /// S3 refuses the broker's credentials. Also S3's answer for a missing object to credentials that may not list the
    /// bucket.
    #[error("S3 refuses the broker's credentials")]
    Refused,
    /// No answer, a late one, or a fault; in the SDK's words, which hold no URL.
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
