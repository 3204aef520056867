//! What a tier imposes on every upload, as far as it is visible in the stored object.

use std::sync::Arc;

use crate::object::{ChecksumAlgorithm, ContentTypePattern, Encryption, HeaderText, ObjectTags, StorageClass};

/// What a tier imposes on every upload. Only the policy creates it.
#[derive(Debug)]
pub struct ImposedOnUploads {
    /// The largest size in bytes. `None`: the limit of one PUT.
    pub max_size: Option<u64>,
    /// An upload must have a checksum of one of these algorithms. `None`: it needs no checksum.
    pub checksums: Option<Vec<ChecksumAlgorithm>>,
    /// The storage classes that an upload can have; at least one.
    pub storage_classes: Vec<StorageClass>,
    /// Tags that every object gets.
    pub tags: ObjectTags,
    /// How S3 encrypts objects. `None`: as the bucket is set.
    pub encryption: Option<Arc<Encryption>>,
    /// `Cache-Control` of every object.
    pub cache_control: Option<HeaderText>,
    /// `Content-Disposition` of every object.
    pub content_disposition: Option<HeaderText>,
    /// `Content-Encoding` of every object.
    pub content_encoding: Option<HeaderText>,
    /// Whether objects keep the IDs of their decisions.
    pub record_decision: bool,
    pub(crate) content_types: Option<Vec<ContentTypePattern>>,
    pub(crate) checked_by_server: Vec<ChecksumAlgorithm>,
}

impl ImposedOnUploads {
    /// Whether the tier allows a content type. `None`: it allows any.
    #[must_use]
    pub fn lets_in_content_type(&self, content_type: &str) -> Option<bool> {
        Some(self.content_types.as_ref()?.iter().any(|pattern| pattern.matches(content_type)))
    }

    /// Whether the bucket's server is known to compare such a checksum with the content.
    #[must_use]
    pub fn is_checked_by_server(&self, algorithm: ChecksumAlgorithm) -> bool {
        self.checked_by_server.contains(&algorithm)
    }
}
