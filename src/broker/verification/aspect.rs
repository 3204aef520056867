//! What of an upload can be compared.

/// Something that was promised of an upload, or that its tier imposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// From the metadata that the broker has uploads send.
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
    /// Only their number is known from HEAD.
    Tags,
    /// `x-amz-storage-class`; S3 sends none for `STANDARD`.
    StorageClass,
    /// The algorithm of its encryption.
    Encryption,
    /// The KMS key of its encryption.
    KmsKeyId,
    /// Whether that is used by a bucket key.
    BucketKey,
    /// `Content-Language`
    ContentLanguage,
    /// `Expires`
    Expires,
    /// Where a bucket that is a website redirects to.
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
