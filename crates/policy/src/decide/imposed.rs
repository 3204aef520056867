//! What a tier imposes on every upload, as far as it can be seen in what is stored.

use std::sync::Arc;

use crate::object::{ChecksumAlgorithm, ContentTypePattern, Encryption, HeaderText, ObjectTags, StorageClass};

/// What a tier imposes on every upload. Only the policy makes it.
#[derive(Debug)]
pub struct ImposedOnUploads {
    /// The largest size in bytes. `None`: what one PUT can write.
    pub max_size: Option<u64>,
    /// The kinds of checksums of which an upload must have one. `None`: it needs none.
    pub checksums: Option<Vec<ChecksumAlgorithm>>,
    /// The storage classes that an upload may have; at least one.
    pub storage_classes: Vec<StorageClass>,
    /// Tags that every object gets.
    pub tags: ObjectTags,
    /// How S3 encrypts objects. `None`: as the bucket does.
    pub encryption: Option<Arc<Encryption>>,
    /// `Cache-Control` of every object.
    pub cache_control: Option<HeaderText>,
    /// `Content-Disposition` of every object.
    pub content_disposition: Option<HeaderText>,
    /// `Content-Encoding` of every object.
    pub content_encoding: Option<HeaderText>,
    /// Whether objects keep the ids of their decisions.
    pub record_decision: bool,
    pub(crate) content_types: Option<Vec<ContentTypePattern>>,
    pub(crate) checked_by_server: Vec<ChecksumAlgorithm>,
}

impl ImposedOnUploads {
    /// Whether a content type is one of the tier's. `None`: the tier lets in any.
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
