//! A request for the client: a method, a URL and its headers.

use std::borrow::Cow;
use std::fmt;

/// The HTTP methods that the broker signs. The method is part of the signature: a URL for one is refused for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HttpMethod {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `PUT`
    Put,
}

impl HttpMethod {
    /// The method's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Put => "PUT",
        }
    }
}

/// A presigned URL. It gives access until it expires, so it has no `Display`, and its `Debug` shows only the host.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUrl(String);

impl SignedUrl {
    /// Takes a signed URL.
    #[must_use]
    pub const fn new(url: String) -> Self {
        Self(url)
    }

    /// The whole URL, signature included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The whole URL, signature included.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or_default();
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        write!(f, "{scheme}://{host}/…")
    }
}

/// A request that S3 accepts with exactly this method, this URL and at least these headers. AWS refuses further headers
/// that start with `x-amz-` and accepts others; other servers may accept all.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// It is signed: S3 refuses another method.
    pub method: HttpMethod,
    /// A secret: it gives access to the object until it expires.
    pub url: SignedUrl,
    /// All signed headers except `host`, sorted by their lower-case names, with the exact values to send.
    pub headers: Vec<(Cow<'static, str>, String)>,
}

impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_ref()).collect();
        f.debug_struct("SignedRequest")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &names)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_host_and_nothing_behind_it() {
        let request = SignedRequest {
            method: HttpMethod::Put,
            url: SignedUrl::new("https://bucket.example.com:9000/secret-key?X-Amz-Signature=5ec7e7".into()),
            headers: vec![("x-amz-meta-patient".into(), "hidden".into())],
        };
        assert_eq!(
            format!("{request:?}"),
            r#"SignedRequest { method: Put, url: https://bucket.example.com:9000/…, headers: ["x-amz-meta-patient"] }"#
        );
    }
}
