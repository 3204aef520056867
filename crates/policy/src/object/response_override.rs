//! Headers of S3's answer that a signed URL can replace.

use super::header_text::HeaderText;

/// A response header that a signed GET or HEAD can replace
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
    /// The value that replaces this header, if any.
    pub(crate) fn find_in(self, overrides: &[(Self, HeaderText)]) -> Option<&HeaderText> {
        overrides.iter().find(|(name, _)| *name == self).map(|(_, value)| value)
    }

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
