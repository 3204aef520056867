//! What a signature must bind: the terms of the caller and of the tier, combined by the policy.

use std::sync::Arc;

use crate::object::{
    Checksum, Encryption, EntityTag, HeaderText, MetadataName, ObjectTags, ResponseOverride, StorageClass,
};

/// The terms of a permitted download.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PermittedDownload {
    /// The version of the object that is read. `None`: the current one.
    pub version_id: Option<HeaderText>,
    /// Headers that S3 sends instead of the stored ones: those of the caller and of the tier.
    pub response_overrides: Vec<(ResponseOverride, HeaderText)>,
}

impl PermittedDownload {
    /// What replaces a header, if it is replaced.
    #[must_use]
    pub fn response_override(&self, header: ResponseOverride) -> Option<&HeaderText> {
        header.find_in(&self.response_overrides)
    }
}

/// The terms of a permitted upload. Each becomes a signed header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PermittedUpload {
    /// `Content-Type`
    pub content_type: Option<HeaderText>,
    /// `Content-Length`, in bytes, exactly.
    pub content_length: Option<u64>,
    /// The checksum that S3 verifies.
    pub checksum: Option<Checksum>,
    /// `If-None-Match: *`: whether the upload fails if the object exists.
    pub create_only: bool,
    /// `If-Match`: the upload fails unless the existing object has this `ETag`.
    pub if_match: Option<EntityTag>,
    /// `Cache-Control`
    pub cache_control: Option<HeaderText>,
    /// `Content-Disposition`
    pub content_disposition: Option<HeaderText>,
    /// `Content-Encoding`
    pub content_encoding: Option<HeaderText>,
    /// User metadata, sent as `x-amz-meta-NAME`.
    pub metadata: Vec<(MetadataName, HeaderText)>,
    /// The tags of the caller and of the tier.
    pub tags: ObjectTags,
    /// The storage class. `None` leaves it to S3, which takes `STANDARD`.
    pub storage_class: Option<StorageClass>,
    /// How S3 encrypts the object, if the tier says so.
    pub encryption: Option<Arc<Encryption>>,
    /// Whether the object keeps the ID of its decision as metadata.
    pub record_decision: bool,
}
