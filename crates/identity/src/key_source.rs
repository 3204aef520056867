//! Where an issuer's keys come from.

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

/// A place to get the key document of one issuer from.
#[async_trait]
pub trait KeySource: fmt::Debug + Send + Sync + 'static {
    /// Gets the document once, without retrying.
    async fn fetch(&self) -> Result<KeyDocument, KeySourceError>;

    /// Then the status says whether its content is in force.
    fn is_file(&self) -> bool {
        false
    }
}

/// A key document as found, not yet read.
pub struct KeyDocument {
    /// The JSON text, at most 256 KiB.
    pub bytes: Vec<u8>,
    /// How long the source says that it stays fresh (`Cache-Control: max-age`).
    pub max_age: Option<Duration>,
}

impl fmt::Debug for KeyDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyDocument").field("length", &self.bytes.len()).field("max_age", &self.max_age).finish()
    }
}

/// Why there is no key document.
#[derive(Debug, Error)]
pub enum KeySourceError {
    /// The URL's scheme or host is not allowed, or it has credentials in it.
    #[error("the URL must be an https URL without credentials")]
    UrlNotAllowed,
    /// No connection, a broken one, or no answer in time.
    #[error("the server is unavailable or timed out")]
    Unreachable(#[source] reqwest::Error),
    /// Any status but 200, redirects included.
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
        /// The first 256 characters of what the document has.
        found: String,
    },
    /// The file with the key document cannot be used, or it is being changed.
    #[error("the key file is invalid")]
    File(#[source] UnusableFile),
    /// The file with certificate authorities cannot be read, is larger than 256 KiB, or is being changed.
    #[error("reading the certificate authorities for the key server failed")]
    AuthoritiesUnreadable(#[source] UnusableFile),
    /// The file with certificate authorities has none, or one that is not a certificate.
    #[error("the file with certificate authorities for the key server has none, or an invalid one")]
    AuthoritiesUnusable,
    /// The file with the bearer token cannot be read, is larger than 256 KiB, or is being changed.
    #[error("reading the bearer token for the key server failed")]
    BearerUnreadable(#[source] UnusableFile),
    /// The HTTP client does not accept the proxy.
    #[error("the proxy's URL is invalid")]
    ProxyUnusable,
    /// The file with the bearer token is empty or holds something else than one token.
    #[error("the file with the bearer token for the key server must have exactly one token")]
    BearerUnusable,
}

#[cfg(test)]
mod tests;
