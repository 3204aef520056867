//! An object as S3 describes it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use access_broker_policy::{Checksum, EntityTag, StorageClass};

/// An object as S3 describes it. Texts are as S3 gives them, of a bounded length; where one was cut, or held bytes that
/// are no text, it holds a character outside ASCII, and so equals nothing that an upload can promise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredObject {
    /// Its length in bytes. `None`: S3 does not tell it.
    pub size: Option<u64>,
    /// Its `ETag` with its quotes; empty where S3 gives none.
    pub etag: String,
    /// Its version, where the bucket keeps versions. `null` is none: another upload may take its place.
    pub version_id: Option<String>,
    /// `Content-Type`
    pub content_type: Option<String>,
    /// When it was written.
    pub last_modified: Option<SystemTime>,
    /// The checksums of the whole of its content. Those of the parts of an upload in parts are left out: they say
    /// nothing of the content that a caller could compare.
    pub checksums: Vec<Checksum>,
    /// By which algorithm S3 says that it encrypts the object.
    pub encryption: Option<String>,
    /// The KMS key, as S3 names it.
    pub kms_key_id: Option<String>,
    /// Whether S3 uses a bucket key.
    pub bucket_key: bool,
    /// Its storage class, where S3 names one; see [`storage_class`](Self::storage_class).
    pub named_storage_class: Option<String>,
    /// User metadata, without the id of the decision.
    pub metadata: StoredMetadata,
    /// `Cache-Control`
    pub cache_control: Option<String>,
    /// `Content-Disposition`
    pub content_disposition: Option<String>,
    /// `Content-Encoding`
    pub content_encoding: Option<String>,
    /// `Content-Language`
    pub content_language: Option<String>,
    /// `Expires`, which need not be a date.
    pub expires: Option<String>,
    /// Where a bucket that is a website redirects to.
    pub website_redirect_location: Option<String>,
    /// By which mode of Object Lock it is kept from deletion, if by one: by the bucket's default, or because its uploader
    /// asked for it.
    pub object_lock_mode: Option<String>,
    /// Whether a legal hold keeps it from deletion. No bucket has that as its default.
    pub legal_hold: bool,
    /// The id of the decision that it was uploaded by, where its tier records that.
    pub decision_id: Option<String>,
    /// Its tags by their names. `None`: they were not asked for, or S3 does not tell them.
    pub tags: Option<BTreeMap<String, String>>,
}

impl StoredObject {
    /// Whether it has this tag. Some servers give tags without quotes.
    #[must_use]
    pub fn has_etag(&self, etag: &EntityTag) -> bool {
        self.etag.trim_matches('"') == etag.bare()
    }

    /// Its storage class: S3 names each but `STANDARD`.
    #[must_use]
    pub fn storage_class(&self) -> &str {
        self.named_storage_class.as_deref().unwrap_or(StorageClass::Standard.name())
    }
}

/// User metadata by names in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredMetadata {
    /// Names and values.
    pub entries: BTreeMap<String, String>,
    /// Whether there is more than that.
    pub is_cut: bool,
}
