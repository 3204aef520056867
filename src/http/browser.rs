//! Requests from browsers: which pages may call, and what their browsers are told (Fetch Standard, "CORS protocol").

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::origin::Origin;
use crate::calls::Cause;
use access_broker_identity::AcceptedProof;

/// By it, browsers say where a request comes from.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The headers that a page may send.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, connect-protocol-version, connect-timeout-ms, x-request-id, traceparent",
);

/// The headers of an answer that a page may read.
const ANSWER_HEADERS: HeaderValue = HeaderValue::from_static("x-request-id, retry-after");

/// How long a browser may keep the answer to a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Which page a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Page {
    /// No browser sent it, or none that says so.
    None,
    /// A page that may call, with its origin.
    Allowed(HeaderValue),
    /// Another page.
    Foreign,
}

impl Page {
    pub(super) fn of(headers: &HeaderMap, allowed: &[Origin]) -> Self {
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) if headers.contains_key(SEC_FETCH_SITE) => Self::Foreign,
            (None, _) => Self::None,
            (Some(origin), None) => {
                let is_allowed = allowed.iter().any(|known| known.is(origin));
                if is_allowed { Self::Allowed(origin.clone()) } else { Self::Foreign }
            }
            (Some(_), Some(_)) => Self::Foreign,
        }
    }

    /// Refuses calls from foreign pages at some listeners. Where the proof of identity is in no header that a page sets, the browser of
    /// an authenticated user would add it to the requests of every page.
    pub(super) fn judge(&self, accepts: &AcceptedProof) -> Result<(), Cause> {
        if *self == Self::Foreign && !has_pages(accepts) { Err(Cause::CrossSite) } else { Ok(()) }
    }

    /// Lets the page read the answer.
    pub(super) fn add_headers(&self, headers: &mut HeaderMap) {
        if let Self::Allowed(origin) = self {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
        }
    }
}

/// Whether pages in browsers may use GET: where every call must have a token, which no browser adds by itself.
pub(super) const fn has_pages(accepts: &AcceptedProof) -> bool {
    !matches!(accepts, AcceptedProof::Workload(_))
}

/// What a page may send, in the answer to a preflight.
pub(super) fn add_preflight_headers(headers: &mut HeaderMap, methods: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
}
