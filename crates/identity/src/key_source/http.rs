//! The HTTP client for keys, with unsafe defaults disabled.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::Certificate;
use reqwest::redirect::Policy;
use thiserror::Error;
use url::{Host, Origin, Url};

use super::loopback::{LoopbackOnly, is_loopback};
use super::{HttpProxy, KeyDocument, KeySourceError};
use crate::bearer::is_token68;
use crate::keys::MAX_KEY_DOCUMENT_BYTES;
use access_broker_base::files::{DEFAULT_SETTLE, FileSnapshot, SettledFiles};

/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The same through a proxy, which must connect to the key server first.
const PROXIED_CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// The longest time for a whole request, from the first packet to the last byte of the body.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether keys may be fetched without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlainHttp {
    /// Never: `https` only.
    #[default]
    Refused,
    /// Between processes of this machine: `http` is permitted to `127.0.0.0/8`, to `::1`, and to names that resolve only to
    /// loopback addresses, at each connection.
    OnLoopback,
}

impl PlainHttp {
    /// Whether a URL may be fetched: `https`, or `http` if this permits it, with a host and without credentials. The
    /// addresses of a host name are checked later, at each connection.
    #[must_use]
    pub fn allows(self, url: &Url) -> bool {
        let scheme_allowed = match url.scheme() {
            "https" => url.host().is_some(),
            "http" => self == Self::OnLoopback && may_be_loopback(url),
            _ => false,
        };
        scheme_allowed && url.username().is_empty() && url.password().is_none()
    }
}

/// The access to a key server that is not public, such as the API server of a Kubernetes cluster.
#[derive(Debug, Clone)]
pub(crate) struct KeyServerAccess {
    /// A PEM file with the trusted certificate authorities, in place of the machine's.
    pub(crate) ca_file: Option<PathBuf>,
    /// A file with the bearer token for the server.
    pub(crate) bearer_file: Option<PathBuf>,
    /// The proxy for `https`. `http` to this machine uses none.
    pub(crate) proxy: Option<HttpProxy>,
    /// How long one of these files must stay unchanged after a change in place, before it is used.
    pub(crate) settle: Duration,
}

impl Default for KeyServerAccess {
    fn default() -> Self {
        Self { ca_file: None, bearer_file: None, proxy: None, settle: DEFAULT_SETTLE }
    }
}

/// An HTTP client that follows no redirects, uses only a configured proxy, keeps no cookies, and has limits of 5
/// seconds and 256 KiB.
#[derive(Debug, Clone)]
pub(crate) struct KeyHttpClient {
    authorities: Authorities,
    /// For `http`, if that is permitted.
    loopback: Option<reqwest::Client>,
    bearer_file: Option<Arc<SettledFiles>>,
    proxy: Option<HttpProxy>,
    plain_http: PlainHttp,
    timeout: Duration,
}

/// The trusted certificate authorities.
#[derive(Debug, Clone)]
enum Authorities {
    /// The machine's, which the client has read.
    OfMachine(reqwest::Client),
    /// Those of a PEM file. The machine need not have any.
    InFile(Arc<SettledFiles>),
}

impl KeyHttpClient {
    /// Builds the client, which reads the machine's trusted certificates unless `access` has a file.
    ///
    /// The files of `access` are read now, so that a wrong path is found at start, and again at each fetch, because
    /// both files are rotated.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up or a file cannot be used.
    pub(crate) fn new(plain_http: PlainHttp, access: KeyServerAccess) -> Result<Self, KeyHttpClientError> {
        Self::with_total_timeout(plain_http, access, TOTAL_TIMEOUT)
    }

    pub(super) fn with_total_timeout(
        plain_http: PlainHttp,
        access: KeyServerAccess,
        timeout: Duration,
    ) -> Result<Self, KeyHttpClientError> {
        let KeyServerAccess { ca_file, bearer_file, proxy, settle } = access;
        let settled = |path| Arc::new(SettledFiles::new(vec![path], MAX_KEY_DOCUMENT_BYTES, settle));
        let authorities = match ca_file {
            Some(path) => Authorities::InFile(settled(path)),
            None => {
                let builder = through(proxy.as_ref(), builder(timeout)).map_err(KeyHttpClientError::Tls)?;
                Authorities::OfMachine(builder.https_only(true).build().map_err(KeyHttpClientError::Tls)?)
            }
        };
        let loopback = match plain_http {
            PlainHttp::Refused => None,
            PlainHttp::OnLoopback => {
                // Nothing that this client connects to has a certificate.
                let builder = builder(timeout).tls_certs_only([]).dns_resolver(LoopbackOnly);
                Some(builder.build().map_err(KeyHttpClientError::Tls)?)
            }
        };
        let client = Self { authorities, loopback, bearer_file: bearer_file.map(settled), proxy, plain_http, timeout };
        client.check_files().map_err(KeyHttpClientError::Access)?;
        Ok(client)
    }

    /// Reads the files once, so that a wrong path is found at start.
    fn check_files(&self) -> Result<(), KeySourceError> {
        if let Authorities::InFile(file) = &self.authorities {
            let files = file.read_now().map_err(KeySourceError::AuthoritiesUnreadable)?;
            self.client_that_trusts(content(&files))?;
        }
        if let Some(file) = &self.bearer_file {
            let files = file.read_now().map_err(KeySourceError::BearerUnreadable)?;
            bearer_of(content(&files))?;
        }
        Ok(())
    }

    /// Fetches a document. The bearer token is sent only to `audience`, so that a discovery document cannot redirect it
    /// to another server.
    pub(super) async fn get(&self, url: &Url, audience: &Origin) -> Result<KeyDocument, KeySourceError> {
        if !self.plain_http.allows(url) {
            return Err(KeySourceError::UrlNotAllowed);
        }
        let client = match &self.loopback {
            Some(loopback) if url.scheme() == "http" => loopback.clone(),
            _ => self.https_client().await?,
        };
        let bearer = if url.origin() == *audience { self.bearer().await? } else { None };
        let mut request = client.get(url.clone()).header(ACCEPT, "application/json");
        if let Some(bearer) = bearer {
            request = request.header(AUTHORIZATION, bearer);
        }
        let mut response = request.send().await.map_err(unreachable_server)?;
        if response.status() != StatusCode::OK {
            return Err(KeySourceError::Status(response.status().as_u16()));
        }
        if response.headers().get_all(CONTENT_ENCODING).iter().any(|coding| coding != "identity") {
            return Err(KeySourceError::Encoded);
        }
        let max_age = max_age(response.headers());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable_server)? {
            if chunk.len() > MAX_KEY_DOCUMENT_BYTES - bytes.len() {
                return Err(KeySourceError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(KeyDocument { bytes: without_byte_order_mark(bytes), max_age })
    }

    /// The client with the current certificate authorities.
    async fn https_client(&self) -> Result<reqwest::Client, KeySourceError> {
        match &self.authorities {
            Authorities::OfMachine(client) => Ok(client.clone()),
            // Built at every fetch; fetches are minutes apart.
            Authorities::InFile(file) => {
                let files = file.read().await.map_err(KeySourceError::AuthoritiesUnreadable)?;
                self.client_that_trusts(content(&files))
            }
        }
    }

    /// The current bearer token.
    async fn bearer(&self) -> Result<Option<HeaderValue>, KeySourceError> {
        let Some(file) = &self.bearer_file else { return Ok(None) };
        let files = file.read().await.map_err(KeySourceError::BearerUnreadable)?;
        bearer_of(content(&files)).map(Some)
    }

    fn client_that_trusts(&self, pem: &[u8]) -> Result<reqwest::Client, KeySourceError> {
        let certificates = Certificate::from_pem_bundle(pem).unwrap_or_default();
        if certificates.is_empty() {
            return Err(KeySourceError::AuthoritiesUnusable);
        }
        let builder = through(self.proxy.as_ref(), builder(self.timeout)).map_err(|_| KeySourceError::ProxyUnusable)?;
        let builder = builder.https_only(true).tls_certs_only(certificates);
        builder.build().map_err(|_| KeySourceError::AuthoritiesUnusable)
    }
}

/// The content of the only file of a set.
fn content(files: &[FileSnapshot]) -> &[u8] {
    files.first().map(|file| file.content.as_slice()).unwrap_or_default()
}

fn bearer_of(content: &[u8]) -> Result<HeaderValue, KeySourceError> {
    let token = content.trim_ascii();
    let value = HeaderValue::from_bytes(&[b"Bearer ", token].concat());
    let mut value = value.ok().filter(|_| is_token68(token)).ok_or(KeySourceError::BearerUnusable)?;
    value.set_sensitive(true);
    Ok(value)
}

fn builder(timeout: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
}

/// Sets the proxy of the client, if there is one.
fn through(proxy: Option<&HttpProxy>, builder: reqwest::ClientBuilder) -> reqwest::Result<reqwest::ClientBuilder> {
    Ok(match proxy {
        Some(proxy) => builder.connect_timeout(PROXIED_CONNECT_TIMEOUT).proxy(proxy.to_client()?),
        None => builder,
    })
}

/// Why the HTTP client cannot be built.
#[derive(Debug, Error)]
pub enum KeyHttpClientError {
    /// TLS cannot be set up.
    #[error("creating the HTTP client for keys failed")]
    Tls(#[source] reqwest::Error),
    /// The file with certificate authorities or with the bearer token cannot be used.
    #[error("preparing the requests to the key server failed")]
    Access(#[source] KeySourceError),
}

fn unreachable_server(error: reqwest::Error) -> KeySourceError {
    KeySourceError::Unreachable(error.without_url())
}

fn may_be_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(_)) => true,
        Some(Host::Ipv4(address)) => is_loopback(address.into()),
        Some(Host::Ipv6(address)) => is_loopback(address.into()),
        None => false,
    }
}

/// Removes a byte order mark. JSON must have none, but a reader may ignore it (RFC 8259 section 8.1).
pub(super) fn without_byte_order_mark(mut document: Vec<u8>) -> Vec<u8> {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    if document.starts_with(MARK) {
        document.drain(..MARK.len());
    }
    document
}

/// The first `max-age` of `Cache-Control` (RFC 9111 section 5.2.2), or zero for `no-store` and `no-cache`.
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
