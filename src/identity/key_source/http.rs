//! HTTP as far as fetching keys needs it, with every default that is unsafe for that switched off.

use std::time::Duration;

use http::header::{ACCEPT, CACHE_CONTROL};
use http::{HeaderMap, StatusCode};
use reqwest::redirect::Policy;
use thiserror::Error;
use url::{Host, Url};

use super::{KeyDocument, KeySourceError};
use crate::identity::keys::MAX_KEY_DOCUMENT_BYTES;

/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest wait for a whole answer, from the first packet to the last byte of the body.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether keys may travel without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlainHttp {
    /// Never: `https` only.
    #[default]
    Refused,
    /// Between processes of this machine: `http` is allowed to `localhost`, `127.0.0.0/8` and `::1`.
    OnLoopback,
}

impl PlainHttp {
    /// Whether a URL may be fetched: `https`, or `http` where this allows it, to a host, without credentials.
    #[must_use]
    pub fn allows(self, url: &Url) -> bool {
        let scheme_allowed = match url.scheme() {
            "https" => url.host().is_some(),
            "http" => self == Self::OnLoopback && is_loopback(url),
            _ => false,
        };
        scheme_allowed && url.username().is_empty() && url.password().is_none()
    }
}

/// An HTTP client that follows no redirect, uses no proxy, keeps no cookie, and gives up after 5 seconds or 256 KiB.
#[derive(Debug, Clone)]
pub struct KeyHttpClient {
    client: reqwest::Client,
    plain_http: PlainHttp,
}

impl KeyHttpClient {
    /// Builds the client, which reads the trusted certificates of the machine.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn new(plain_http: PlainHttp) -> Result<Self, KeyHttpClientError> {
        Self::with_total_timeout(plain_http, TOTAL_TIMEOUT)
    }

    pub(super) fn with_total_timeout(plain_http: PlainHttp, timeout: Duration) -> Result<Self, KeyHttpClientError> {
        let client = reqwest::Client::builder()
            .https_only(plain_http == PlainHttp::Refused)
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(KeyHttpClientError)?;
        Ok(Self { client, plain_http })
    }

    pub(super) async fn get(&self, url: &Url) -> Result<KeyDocument, KeySourceError> {
        if !self.plain_http.allows(url) {
            return Err(KeySourceError::UrlNotAllowed);
        }
        let request = self.client.get(url.clone()).header(ACCEPT, "application/json");
        let mut response = request.send().await.map_err(unreachable_server)?;
        if response.status() != StatusCode::OK {
            return Err(KeySourceError::Status(response.status().as_u16()));
        }
        let max_age = max_age(response.headers());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable_server)? {
            if chunk.len() > MAX_KEY_DOCUMENT_BYTES - bytes.len() {
                return Err(KeySourceError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(KeyDocument { bytes, max_age })
    }
}

/// The HTTP client cannot be built.
#[derive(Debug, Error)]
#[error("the HTTP client for keys cannot be set up")]
pub struct KeyHttpClientError(#[source] reqwest::Error);

fn unreachable_server(error: reqwest::Error) -> KeySourceError {
    KeySourceError::Unreachable(error.without_url())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The first `max-age` of `Cache-Control` (RFC 9111 section 5.2.2), or zero where the answer is not to be kept.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL);
    let mut directives = values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    directives.find_map(|directive| {
        let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "max-age" => argument.trim().trim_matches('"').parse().ok().map(Duration::from_secs),
            "no-store" | "no-cache" => Some(Duration::ZERO),
            _ => None,
        }
    })
}
