//! What can be compared of an upload.

/// Something that is expected of an upload, or that its tier imposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// In the metadata that uploads with a recorded decision have.
    DecisionId,
    /// `Content-Length`
    ContentLength,
    /// `Content-Type`
    ContentType,
    /// Its content, by a checksum.
    Checksum,
    /// Its entity tag.
    Etag,
    /// User metadata.
    Metadata,
    /// `Content-Disposition`
    ContentDisposition,
    /// `Content-Encoding`
    ContentEncoding,
    /// `Cache-Control`
    CacheControl,
    /// A HEAD request returns their number only.
    Tags,
    /// `x-amz-storage-class`; S3 omits it for `STANDARD`.
    StorageClass,
    /// The algorithm of its encryption.
    Encryption,
    /// The KMS key of its encryption.
    KmsKeyId,
    /// Whether a bucket key is used.
    BucketKey,
    /// `Content-Language`
    ContentLanguage,
    /// `Expires`
    Expires,
    /// The redirect target of a website bucket.
    WebsiteRedirectLocation,
    /// Object Lock: a mode of retention, or a legal hold.
    ObjectLock,
}

impl Aspect {
    /// Every aspect, in the order in which answers and records name them.
    pub const ALL: [Self; 18] = [
        Self::DecisionId,
        Self::ContentLength,
        Self::ContentType,
        Self::Checksum,
        Self::Etag,
        Self::Metadata,
        Self::ContentDisposition,
        Self::ContentEncoding,
        Self::CacheControl,
        Self::Tags,
        Self::StorageClass,
        Self::Encryption,
        Self::KmsKeyId,
        Self::BucketKey,
        Self::ContentLanguage,
        Self::Expires,
        Self::WebsiteRedirectLocation,
        Self::ObjectLock,
    ];

    /// The name in answers and records: that of the request's field, where it has one.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DecisionId => "decision_id",
            Self::ContentLength => "content_length",
            Self::ContentType => "content_type",
            Self::Checksum => "checksum",
            Self::Etag => "etag",
            Self::Metadata => "metadata",
            Self::ContentDisposition => "content_disposition",
            Self::ContentEncoding => "content_encoding",
            Self::CacheControl => "cache_control",
            Self::Tags => "tags",
            Self::StorageClass => "storage_class",
            Self::Encryption => "encryption",
            Self::KmsKeyId => "kms_key_id",
            Self::BucketKey => "bucket_key",
            Self::ContentLanguage => "content_language",
            Self::Expires => "expires",
            Self::WebsiteRedirectLocation => "website_redirect_location",
            Self::ObjectLock => "object_lock",
        }
    }
}
