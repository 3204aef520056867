//! Signed headers.

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

/// Signed request headers in addition to `host`: sorted lower-case names without repetition, with values that clients
/// and servers do not change.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SignedHeaders(Vec<(Cow<'static, str>, String)>);

impl SignedHeaders {
    /// Only `host`.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a header in sorted order.
    ///
    /// # Errors
    ///
    /// When the name is not a lower-case token (RFC 9110 section 5.6.2), is one that the signer adds or that proxies
    /// rewrite, or is repeated; or when the value is not visible ASCII and spaces.
    pub fn insert(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
    ) -> Result<(), SignedHeaderError> {
        let (name, value) = (name.into(), value.into());
        if name.is_empty() || !name.bytes().all(is_lower_case_token_byte) {
            return Err(SignedHeaderError::Name);
        }
        if UNSIGNABLE.contains(&name.as_ref()) {
            return Err(SignedHeaderError::Unsignable);
        }
        if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(SignedHeaderError::Value);
        }
        match self.0.binary_search_by(|(present, _)| present.cmp(&name)) {
            Ok(_) => Err(SignedHeaderError::Repeated),
            Err(place) => {
                self.0.insert(place, (name, value));
                Ok(())
            }
        }
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_str()))
    }

    /// Names and values, sorted by name.
    #[must_use]
    pub(crate) fn into_vec(self) -> Vec<(Cow<'static, str>, String)> {
        self.0
    }
}

impl fmt::Debug for SignedHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

/// Why a header cannot be signed. The text has no part of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignedHeaderError {
    /// Not a lower-case token.
    #[error("the header's name must be a lower-case token")]
    Name,
    /// The signer adds it, or proxies change it.
    #[error("the header cannot be signed")]
    Unsignable,
    /// A control character or a character outside ASCII.
    #[error("the header's value must be visible ASCII and spaces")]
    Value,
    /// The name is repeated: the signer would join both values with a comma, and clients may send them separately.
    #[error("the header is repeated")]
    Repeated,
}

/// The signer adds `host`. AWS's signers omit the others, because clients and proxies change them, or because they are
/// part of authentication.
const UNSIGNABLE: [&str; 8] = [
    "authorization",
    "connection",
    "expect",
    "host",
    "transfer-encoding",
    "user-agent",
    "x-amz-security-token",
    "x-amzn-trace-id",
];

const fn is_lower_case_token_byte(byte: u8) -> bool {
    matches!(
        byte,
        b'a'..=b'z' | b'0'..=b'9' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_'
            | b'`' | b'|' | b'~'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_sorted_by_name() {
        let mut headers = SignedHeaders::new();
        headers.insert("x-amz-meta-b", "2").unwrap();
        headers.insert("content-type", "image/jpeg").unwrap();
        headers.insert("x-amz-meta-a", "1").unwrap();
        let names: Vec<&str> = headers.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["content-type", "x-amz-meta-a", "x-amz-meta-b"]);
    }

    #[test]
    fn repeated_header_is_refused() {
        let mut headers = SignedHeaders::new();
        headers.insert("content-type", "image/jpeg").unwrap();
        assert_eq!(headers.insert("content-type", "image/png"), Err(SignedHeaderError::Repeated));
    }

    #[test]
    fn names_that_are_no_lower_case_tokens_are_refused() {
        for name in ["", "Content-Type", "a b", "a:b", "a\n", "é"] {
            assert_eq!(SignedHeaders::new().insert(name, "x"), Err(SignedHeaderError::Name), "{name:?}");
        }
    }

    #[test]
    fn values_that_could_forge_a_line_are_refused() {
        for value in ["a\nx-amz-acl:public-read", "a\rb", "\0", "\t", "é", "\u{7F}"] {
            assert_eq!(SignedHeaders::new().insert("cache-control", value), Err(SignedHeaderError::Value), "{value:?}");
        }
    }

    #[test]
    fn host_is_the_signers_own() {
        assert_eq!(SignedHeaders::new().insert("host", "evil.example"), Err(SignedHeaderError::Unsignable));
    }

    #[test]
    fn debug_shows_names_only() {
        let mut headers = SignedHeaders::new();
        headers.insert("x-amz-meta-patient", "hidden").unwrap();
        assert_eq!(format!("{headers:?}"), r#"{"x-amz-meta-patient"}"#);
    }
}
