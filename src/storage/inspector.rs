//! The seam between what is permitted and who looks.

use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use thiserror::Error;

use crate::policy::{Checksum, HeaderText, PermittedObject};

/// Describes objects that the policy lets somebody at. Without such an object there is nothing to call it with.
#[async_trait]
pub trait ObjectInspector: fmt::Debug + Send + Sync + 'static {
    /// Asks for an object's headers: of one version, or of the current one.
    ///
    /// # Errors
    ///
    /// When the object is not there, may not be looked at, or no answer came in time.
    async fn inspect(
        &self,
        object: &PermittedObject,
        version_id: Option<&HeaderText>,
    ) -> Result<StoredObject, InspectionError>;
}

/// An object as S3 describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredObject {
    /// Its length in bytes.
    pub size: u64,
    /// Its `ETag` with its quotes; empty where S3 gives none.
    pub etag: String,
    /// Its version, where the bucket keeps versions. `null` is none: another upload may take its place.
    pub version_id: Option<String>,
    /// Its content type.
    pub content_type: Option<String>,
    /// When it was written.
    pub last_modified: Option<SystemTime>,
    /// The checksums of the whole of its content. Those of the parts of an upload in parts are left out: they say
    /// nothing of the content that a caller could compare.
    pub checksums: Vec<Checksum>,
    /// The id of the decision that it was uploaded by, where its tier records that.
    pub decision_id: Option<String>,
}

/// Why an object could not be described.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InspectionError {
    /// There is no such object or version, or it was deleted.
    #[error("S3 has no such object")]
    NotFound,
    /// S3 does not let the broker's credentials look. Those that may not list the bucket get this for a missing object,
    /// too.
    #[error("S3 refuses the broker's own credentials")]
    Refused,
    /// No answer, a late one, or a fault; in the SDK's words, which hold no URL.
    #[error("S3 cannot be asked now: {0}")]
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
