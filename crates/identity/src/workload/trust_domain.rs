//! Trust domains of workloads.

use std::fmt;

use thiserror::Error;

const MAX_TRUST_DOMAIN_BYTES: usize = 255;

/// A trust domain: 1 to 255 bytes of `a-z`, `0-9`, `.`, `-` and `_`
/// ([SPIFFE ID section 2.1](https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md#21-trust-domain)).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustDomain(Box<str>);

impl TrustDomain {
    /// Checks a name, such as `prod.example` (without `spiffe://`).
    ///
    /// # Errors
    ///
    /// The rule that the name breaks.
    pub fn parse(text: &str) -> Result<Self, TrustDomainError> {
        check(text).map(|()| Self(text.into()))
    }

    /// Without `spiffe://`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) fn check(text: &str) -> Result<(), TrustDomainError> {
    if text.is_empty() || text.len() > MAX_TRUST_DOMAIN_BYTES {
        return Err(TrustDomainError::Length);
    }
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    if text.bytes().all(allowed) { Ok(()) } else { Err(TrustDomainError::Character) }
}

/// The rule that a trust domain breaks, worded to follow its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TrustDomainError {
    /// Empty or too long.
    #[error("must have from 1 to 255 bytes")]
    Length,
    /// Another character, such as an upper-case letter, a port or a scheme.
    #[error("must be of a-z, 0-9, \".\", \"-\" and \"_\" only, without \"spiffe://\"")]
    Character,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_allowed_characters_are_taken_as_they_are() {
        for name in ["prod.example", "a", "cluster.local", "k8s-1_a.b", &"a".repeat(255)] {
            assert_eq!(TrustDomain::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn other_names_are_refused() {
        assert_eq!(TrustDomain::parse(""), Err(TrustDomainError::Length));
        assert_eq!(TrustDomain::parse(&"a".repeat(256)), Err(TrustDomainError::Length));
        for name in ["Prod.example", "prod.example:443", "spiffe://prod", "a b", "a/b", "user@a", "a\0", "é", "%41"] {
            assert_eq!(TrustDomain::parse(name), Err(TrustDomainError::Character), "{name:?}");
        }
    }
}
