//! HTTP as far as fetching keys needs it, with every default that is unsafe for that switched off.

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

/// The same where a proxy has to find the key server first.
const PROXIED_CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// The longest wait for a whole answer, from the first packet to the last byte of the body.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether keys may travel without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlainHttp {
    /// Never: `https` only.
    #[default]
    Refused,
    /// Between processes of this machine: `http` is allowed to `127.0.0.0/8`, to `::1`, and to names all of whose
    /// addresses are loopback addresses each time that a connection is made.
    OnLoopback,
}

impl PlainHttp {
    /// Whether a URL may be fetched: `https`, or `http` where this allows it, to a host, without credentials. The addresses
    /// of a name are not known yet: they are checked when a connection is made.
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

/// How to get through to a key server that is not for everybody, such as the API server of a Kubernetes cluster.
#[derive(Debug, Clone)]
pub(crate) struct KeyServerAccess {
    /// The only certificate authorities that may vouch for the server, in a PEM file, instead of the machine's.
    pub(crate) ca_file: Option<PathBuf>,
    /// The bearer token that the server asks for, in a file.
    pub(crate) bearer_file: Option<PathBuf>,
    /// The proxy on the way, for `https`. `http` to this machine itself goes through none.
    pub(crate) proxy: Option<HttpProxy>,
    /// How long one of these files that was changed in place must be unchanged before it is used.
    pub(crate) settle: Duration,
}

impl Default for KeyServerAccess {
    fn default() -> Self {
        Self { ca_file: None, bearer_file: None, proxy: None, settle: DEFAULT_SETTLE }
    }
}

/// An HTTP client that follows no redirect, uses no proxy but one that it is given, keeps no cookie, and gives up after 5
/// seconds or 256 KiB.
#[derive(Debug, Clone)]
pub(crate) struct KeyHttpClient {
    authorities: Authorities,
    /// For `http`, where that is allowed.
    loopback: Option<reqwest::Client>,
    bearer_file: Option<Arc<SettledFiles>>,
    proxy: Option<HttpProxy>,
    plain_http: PlainHttp,
    timeout: Duration,
}

/// Who may vouch for the key server.
#[derive(Debug, Clone)]
enum Authorities {
    /// The machine's certificate authorities. The client has read them.
    OfMachine(reqwest::Client),
    /// Those in a PEM file. The machine need not have any of its own.
    InFile(Arc<SettledFiles>),
}

impl KeyHttpClient {
    /// Builds the client, which reads the trusted certificates of the machine unless `access` names others.
    ///
    /// The files of `access` are read now, so that a wrong path is found at start, and anew at every fetch, because
    /// both are replaced from time to time.
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
        client.prove_files().map_err(KeyHttpClientError::Access)?;
        Ok(client)
    }

    /// Reads the files once, so that a wrong path is found at start.
    fn prove_files(&self) -> Result<(), KeySourceError> {
        if let Authorities::InFile(file) = &self.authorities {
            let looks = file.read_now().map_err(KeySourceError::AuthoritiesUnreadable)?;
            self.client_that_trusts(content(&looks))?;
        }
        if let Some(file) = &self.bearer_file {
            let looks = file.read_now().map_err(KeySourceError::BearerUnreadable)?;
            bearer_of(content(&looks))?;
        }
        Ok(())
    }

    /// Gets a document. The bearer token goes along only to `audience`: a discovery document must not be able to send
    /// it elsewhere.
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

    /// The client by the authorities as they are now.
    async fn https_client(&self) -> Result<reqwest::Client, KeySourceError> {
        match &self.authorities {
            Authorities::OfMachine(client) => Ok(client.clone()),
            // Built at every fetch; fetches are minutes apart.
            Authorities::InFile(file) => {
                let looks = file.read().await.map_err(KeySourceError::AuthoritiesUnreadable)?;
                self.client_that_trusts(content(&looks))
            }
        }
    }

    /// The bearer token as it is now.
    async fn bearer(&self) -> Result<Option<HeaderValue>, KeySourceError> {
        let Some(file) = &self.bearer_file else { return Ok(None) };
        let looks = file.read().await.map_err(KeySourceError::BearerUnreadable)?;
        bearer_of(content(&looks)).map(Some)
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

/// What stands in the only file of a set.
fn content(looks: &[FileSnapshot]) -> &[u8] {
    looks.first().map(|look| look.content.as_slice()).unwrap_or_default()
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

/// What the builder makes goes through the proxy, if there is one.
fn through(proxy: Option<&HttpProxy>, builder: reqwest::ClientBuilder) -> reqwest::Result<reqwest::ClientBuilder> {
    Ok(match proxy {
        Some(proxy) => builder.connect_timeout(PROXIED_CONNECT_TIMEOUT).proxy(proxy.to_client()?),
        None => builder,
    })
}

/// The HTTP client cannot be built.
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

/// Where a document begins that begins with a byte order mark, which JSON may have none of but readers may take away
/// (RFC 8259 section 8.1).
pub(super) fn without_byte_order_mark(mut document: Vec<u8>) -> Vec<u8> {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    if document.starts_with(MARK) {
        document.drain(..MARK.len());
    }
    document
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
