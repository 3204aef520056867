//! The sources of an issuer's keys.

mod discovery;
mod http;
mod jwks_file;
mod jwks_url;
mod loopback;
mod proxy;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use access_broker_base::files::UnusableFile;

pub(crate) use discovery::DiscoveryKeySource;
pub(crate) use http::{KeyHttpClient, KeyServerAccess};
pub use http::{KeyHttpClientError, PlainHttp};
pub(crate) use jwks_file::JwksFileKeySource;
pub(crate) use jwks_url::JwksUrlKeySource;
pub use proxy::{HttpProxy, InvalidProxy, KeyProxy};

/// The source of one issuer's key document.
#[async_trait]
pub trait KeySource: fmt::Debug + Send + Sync + 'static {
    /// Fetches the document once, without a retry.
    async fn fetch(&self) -> Result<KeyDocument, KeySourceError>;

    /// Whether this is a file. For a file, the status has whether its content is active.
    fn is_file(&self) -> bool {
        false
    }
}

/// A key document, not yet parsed.
pub struct KeyDocument {
    /// The JSON text, at most 256 KiB.
    pub bytes: Vec<u8>,
    /// How long the document stays fresh according to its source (`Cache-Control: max-age`).
    pub max_age: Option<Duration>,
}

impl fmt::Debug for KeyDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyDocument").field("length", &self.bytes.len()).field("max_age", &self.max_age).finish()
    }
}

/// Why the key document cannot be fetched.
#[derive(Debug, Error)]
pub enum KeySourceError {
    /// The URL's scheme or host is not allowed, or the URL has credentials.
    #[error("the URL must be an https URL without credentials")]
    UrlNotAllowed,
    /// The connection failed, or the request timed out.
    #[error("the server is unavailable or timed out")]
    Unreachable(#[source] reqwest::Error),
    /// Any status other than 200, also a redirect.
    #[error("the server answered with status {0} instead of 200")]
    Status(u16),
    /// The body or the file is over 256 KiB.
    #[error("the document is larger than 256 KiB")]
    TooLarge,
    /// The discovery document is not an object with the strings `issuer` and `jwks_uri`.
    #[error("the discovery document must be a JSON object with the strings issuer and jwks_uri")]
    DiscoveryMalformed,
    /// The body is compressed, although the request did not accept that.
    #[error("the response has a content encoding, which the request did not accept")]
    Encoded,
    /// The discovery document is another issuer's.
    #[error("the discovery document names another issuer: the setting is {configured:?}, the document has {found:?}")]
    DiscoveryIssuerMismatch {
        /// `issuer` of the configuration.
        configured: String,
        /// The first 256 characters of the document's `issuer`.
        found: String,
    },
    /// The file with the key document cannot be used, or it is being changed.
    #[error("the key file is invalid")]
    File(#[source] UnusableFile),
    /// The file with certificate authorities cannot be read, is larger than 256 KiB, or is being changed.
    #[error("reading the certificate authorities for the key server failed")]
    AuthoritiesUnreadable(#[source] UnusableFile),
    /// The file with certificate authorities has none, or an invalid one.
    #[error("the file with certificate authorities for the key server has none, or an invalid one")]
    AuthoritiesUnusable,
    /// The file with the bearer token cannot be read, is larger than 256 KiB, or is being changed.
    #[error("reading the bearer token for the key server failed")]
    BearerUnreadable(#[source] UnusableFile),
    /// The HTTP client does not accept the proxy.
    #[error("the proxy's URL is invalid")]
    ProxyUnusable,
    /// The file with the bearer token is empty, or its content is not one token.
    #[error("the file with the bearer token for the key server must have exactly one token")]
    BearerUnusable,
}

#[cfg(test)]
mod tests;
