//! SPIFFE ids.

use std::fmt;

use thiserror::Error;

use super::trust_domain::{self, TrustDomainError};

/// The longest SPIFFE id, in bytes (SPIFFE ID section 2.3).
pub(crate) const MAX_SPIFFE_ID_BYTES: usize = 2_048;

/// The prefix of the trust domain.
pub const TRUST_DOMAIN_SCHEME: &str = "spiffe://";

/// The SPIFFE id of a workload: `spiffe://`, a trust domain, and a path of at least one segment
/// ([SPIFFE ID section 2](https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md#2-spiffe-identity)).
///
/// Each id has exactly one spelling, so ids are equal if their bytes are equal: they are not decoded, folded or
/// normalised.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpiffeId {
    text: Box<str>,
    /// The length of `spiffe://` and the trust domain.
    path_begins: usize,
}

impl SpiffeId {
    /// Checks an id.
    ///
    /// # Errors
    ///
    /// The rule that the id breaks.
    pub fn parse(text: &str) -> Result<Self, SpiffeIdError> {
        if text.len() > MAX_SPIFFE_ID_BYTES {
            return Err(SpiffeIdError::TooLong);
        }
        let rest = text.strip_prefix(TRUST_DOMAIN_SCHEME).ok_or(SpiffeIdError::Scheme)?;
        // The id of a trust domain does not name a workload.
        let (domain, path) = rest.split_once('/').ok_or(SpiffeIdError::NoPath)?;
        trust_domain::check(domain)?;
        if !path.split('/').all(is_segment) {
            return Err(SpiffeIdError::Path);
        }
        Ok(Self { text: text.into(), path_begins: TRUST_DOMAIN_SCHEME.len() + domain.len() })
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The trust domain, without `spiffe://`.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        self.text.get(TRUST_DOMAIN_SCHEME.len()..self.path_begins).unwrap_or_default()
    }
}

impl fmt::Debug for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SpiffeId").field(&self.text).finish()
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Section 2.2: letters, digits, `.`, `-` and `_`; not empty, not relative.
fn is_segment(segment: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !matches!(segment, "" | "." | "..") && segment.bytes().all(allowed)
}

/// The rule that a SPIFFE id breaks, worded to follow the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SpiffeIdError {
    /// Over 2,048 bytes.
    #[error("must not be longer than 2,048 bytes")]
    TooLong,
    /// Another scheme, or no scheme.
    #[error("must begin with \"spiffe://\"")]
    Scheme,
    /// A rule for trust domains.
    #[error("has a trust domain that {0}")]
    TrustDomain(#[from] TrustDomainError),
    /// The id has only a trust domain.
    #[error("must have a path, which names the workload")]
    NoPath,
    /// An empty or relative segment, a query, a fragment, a percent sign, or another character.
    #[error("must have a path of segments of letters, digits, \".\", \"-\" and \"_\", none empty or relative")]
    Path,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_is_taken_apart() {
        let id = SpiffeId::parse("spiffe://prod.example/ns/media/sa/Thumb_nailer-1.x").unwrap();
        assert_eq!(id.as_str(), "spiffe://prod.example/ns/media/sa/Thumb_nailer-1.x");
        assert_eq!(id.trust_domain(), "prod.example");
    }

    #[test]
    fn other_texts_are_refused_by_the_rule_they_break() {
        let longest = format!("spiffe://a/{}", "p".repeat(MAX_SPIFFE_ID_BYTES - 11));
        assert!(SpiffeId::parse(&longest).is_ok());
        assert_eq!(SpiffeId::parse(&format!("{longest}p")), Err(SpiffeIdError::TooLong));
        for text in ["", "prod.example/a", "SPIFFE://prod.example/a", "https://prod.example/a", " spiffe://p/a"] {
            assert_eq!(SpiffeId::parse(text), Err(SpiffeIdError::Scheme), "{text:?}");
        }
        for text in ["spiffe:///a", "spiffe://Prod/a", "spiffe://p:443/a", "spiffe://u@p/a", "spiffe://p%41/a"] {
            assert!(matches!(SpiffeId::parse(text), Err(SpiffeIdError::TrustDomain(_))), "{text:?}");
        }
        assert_eq!(SpiffeId::parse("spiffe://prod.example"), Err(SpiffeIdError::NoPath));
        for path in ["", "a/", "/a", "a//b", ".", "..", "a/../b", "a?b", "a#b", "a%2fb", "a b", "a\0", "é", "a:b"] {
            assert_eq!(SpiffeId::parse(&format!("spiffe://p/{path}")), Err(SpiffeIdError::Path), "{path:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_kept_byte_for_byte(text in "(spiffe://)?[a-z./:%_-]{0,40}") {
            if let Ok(id) = SpiffeId::parse(&text) {
                prop_assert_eq!(id.as_str(), &text);
                let beginning = format!("spiffe://{}/", id.trust_domain());
                prop_assert!(text.starts_with(&beginning));
            }
        }
    }
}
