//! What a caller asks for beside the object itself, already valid, and what a permit therefore fixes.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::checksum::Checksum;

/// The longest header value that a caller may have signed, in bytes.
pub const MAX_HEADER_TEXT_BYTES: usize = 1_024;

/// The largest sum of user metadata names and values, in bytes
/// ([AWS: user-defined metadata](https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html)).
pub const MAX_METADATA_BYTES: usize = 2_048;

/// The longest version id, in bytes ([AWS: versioning](https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html)).
pub const MAX_VERSION_ID_BYTES: usize = 1_024;

/// A header value that every HTTP client sends and every server reads unchanged: 1 to 1,024 visible ASCII characters
/// and single inner spaces.
///
/// SigV4 trims values and folds runs of spaces before signing, so a value with either would not be bound exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderText(Box<str>);

impl HeaderText {
    /// Checks a value.
    ///
    /// # Errors
    ///
    /// When it is empty, too long, or holds anything but visible ASCII and single inner spaces.
    pub fn parse(text: &str) -> Result<Self, HeaderTextError> {
        let characters_fit = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let spaces_fit = !text.starts_with(' ') && !text.ends_with(' ') && !text.contains("  ");
        if !text.is_empty() && text.len() <= MAX_HEADER_TEXT_BYTES && characters_fit && spaces_fit {
            Ok(Self(text.into()))
        } else {
            Err(HeaderTextError)
        }
    }

    /// The value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A header value that would not survive the way to S3 unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be 1 to 1,024 visible ASCII characters, with single spaces only between them")]
pub struct HeaderTextError;

/// How long the caller wants the URL to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LifetimeRequest {
    /// The wish; `None` takes the tier's default. Whole seconds, at least one.
    pub ttl: Option<Duration>,
    /// Refuse rather than shorten.
    pub require_full_ttl: bool,
}

/// What narrowed the life of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryLimit {
    /// Nothing: the caller got the time it asked for.
    RequestedTtl,
    /// The caller asked for no time and got the tier's default.
    TierDefaultTtl,
    /// The tier's largest TTL.
    TierMaxTtl,
    /// The end of the caller's token, where the tier ties URLs to it.
    TokenExpiry,
    /// The end of the credentials that sign.
    SigningCredentialsExpiry,
}

/// What a download asks for beside its object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DownloadTerms {
    /// One version of the object instead of the current one.
    pub version_id: Option<HeaderText>,
    /// Headers that S3 puts on its answer in place of the stored ones, as query parameter and value.
    pub response_overrides: Vec<(ResponseOverride, HeaderText)>,
}

/// A response header that a signed GET or HEAD may replace
/// ([AWS: GetObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseOverride {
    /// `Cache-Control`
    CacheControl,
    /// `Content-Disposition`
    ContentDisposition,
    /// `Content-Encoding`
    ContentEncoding,
    /// `Content-Language`
    ContentLanguage,
    /// `Content-Type`
    ContentType,
    /// `Expires`
    Expires,
}

impl ResponseOverride {
    /// The query parameter that carries the override.
    #[must_use]
    pub const fn query_name(self) -> &'static str {
        match self {
            Self::CacheControl => "response-cache-control",
            Self::ContentDisposition => "response-content-disposition",
            Self::ContentEncoding => "response-content-encoding",
            Self::ContentLanguage => "response-content-language",
            Self::ContentType => "response-content-type",
            Self::Expires => "response-expires",
        }
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
    /// `Cache-Control`
    pub cache_control: Option<HeaderText>,
    /// `Content-Disposition`
    pub content_disposition: Option<HeaderText>,
    /// `Content-Encoding`
    pub content_encoding: Option<HeaderText>,
    /// User metadata, sent as `x-amz-meta-NAME`.
    pub metadata: Vec<(MetadataName, HeaderText)>,
}

/// The name of a piece of user metadata, without its `x-amz-meta-` prefix: 1 to 128 characters from `a-z`, `0-9`, `-`,
/// `_` and `.`. Lower case only, because S3 folds the case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetadataName(Box<str>);

impl MetadataName {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// When it breaks the rule of the type.
    pub fn parse(text: &str) -> Result<Self, MetadataNameError> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        if (1..=128).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(MetadataNameError)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MetadataName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A metadata name that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("names must be 1 to 128 characters from a-z, 0-9, '-', '_' and '.'")]
pub struct MetadataNameError;
