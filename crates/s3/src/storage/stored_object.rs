//! An object as S3 describes it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use access_broker_policy::{Checksum, EntityTag, StorageClass};

/// An object as S3 describes it. Texts are unchanged, but of limited length. A text that was cut or had invalid bytes
/// has a character outside ASCII, so it equals no term of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredObject {
    /// Its length in bytes. `None`: S3 does not return it.
    pub size: Option<u64>,
    /// Its `ETag` with quotes; empty if S3 returns none.
    pub etag: String,
    /// Its version, in a bucket with versions. Not `null`, because another upload may replace that.
    pub version_id: Option<String>,
    /// `Content-Type`
    pub content_type: Option<String>,
    /// When it was written.
    pub last_modified: Option<SystemTime>,
    /// The checksums of its whole content. Checksums of multipart parts are omitted, because a caller cannot compare
    /// them with the content.
    pub checksums: Vec<Checksum>,
    /// The encryption algorithm, as S3 returns it.
    pub encryption: Option<String>,
    /// The KMS key, as S3 returns it.
    pub kms_key_id: Option<String>,
    /// Whether S3 uses a bucket key.
    pub bucket_key: bool,
    /// Its storage class, if S3 returns one; see [`storage_class`](Self::storage_class).
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
    /// `Expires`, which may be any text.
    pub expires: Option<String>,
    /// The redirect of a website bucket.
    pub website_redirect_location: Option<String>,
    /// The mode of Object Lock that protects it from deletion, if any: by the bucket's default, or because its uploader
    /// requested it.
    pub object_lock_mode: Option<String>,
    /// Whether a legal hold protects it from deletion. A bucket cannot have that as a default.
    pub legal_hold: bool,
    /// The id of the decision for its upload, if its tier records that.
    pub decision_id: Option<String>,
    /// Its tags by their names. `None`: they were not requested, or S3 does not return them.
    pub tags: Option<BTreeMap<String, String>>,
}

impl StoredObject {
    /// Whether it has this entity tag. Some servers return entity tags without quotes.
    #[must_use]
    pub fn has_etag(&self, etag: &EntityTag) -> bool {
        self.etag.trim_matches('"') == etag.bare()
    }

    /// Its storage class: S3 returns each except `STANDARD`.
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
    /// Whether entries are missing.
    pub is_cut: bool,
}
