//! What a caller asks for beside the object itself, already valid, and what a permit therefore fixes.

use std::sync::Arc;

use crate::object::{
    Checksum, Encryption, EntityTag, HeaderText, MetadataName, ObjectTags, ResponseOverride, StorageClass,
};

/// What a download asks for beside its object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DownloadTerms {
    /// One version of the object instead of the current one.
    pub version_id: Option<HeaderText>,
    /// Headers that S3 puts on its answer in place of the stored ones, as query parameter and value.
    pub response_overrides: Vec<(ResponseOverride, HeaderText)>,
}

impl DownloadTerms {
    /// What replaces a header, if it is replaced.
    #[must_use]
    pub fn response_override(&self, header: ResponseOverride) -> Option<&HeaderText> {
        self.response_overrides.iter().find(|(name, _)| *name == header).map(|(_, value)| value)
    }
}

/// What an upload binds beside its object. Everything here becomes a signed header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UploadTerms {
    /// `Content-Type`
    pub content_type: Option<HeaderText>,
    /// `Content-Length`, in bytes, exactly.
    pub content_length: Option<u64>,
    /// The checksum that S3 verifies.
    pub checksum: Option<Checksum>,
    /// `If-None-Match: *`: the upload fails when the object exists. `None` leaves it to the tier; in a permit it means
    /// that overwriting is allowed.
    pub create_only: Option<bool>,
    /// `If-Match`: the upload fails unless the object there has this tag.
    pub if_match: Option<EntityTag>,
    /// `Cache-Control`
    pub cache_control: Option<HeaderText>,
    /// `Content-Disposition`
    pub content_disposition: Option<HeaderText>,
    /// `Content-Encoding`
    pub content_encoding: Option<HeaderText>,
    /// User metadata, sent as `x-amz-meta-NAME`.
    pub metadata: Vec<(MetadataName, HeaderText)>,
    /// Tags: the caller's, and in a permit the tier's too.
    pub tags: ObjectTags,
    /// The storage class. `None` leaves it to S3, which takes `STANDARD`.
    pub storage_class: Option<StorageClass>,
    /// How S3 encrypts the object. Callers do not choose it: it is there in permits only.
    pub encryption: Option<Arc<Encryption>>,
    /// Whether the object keeps the id of its decision as metadata. In permits only.
    pub record_decision: bool,
}
