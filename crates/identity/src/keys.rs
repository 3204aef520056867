//! Imports the keys of an issuer.

mod document;
mod edwards;
mod jwk;
mod roca;
mod signature;

use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

use super::algorithm::Algorithm;

pub use jwk::SkipReason;
pub(super) use jwk::{MAX_KEY_ID_BYTES, VerificationKey};

pub(crate) const MAX_KEY_DOCUMENT_BYTES: usize = 256 * 1_024;

/// The most keys in a document, including unusable ones.
pub(crate) const MAX_KEYS: usize = 64;

/// The most keys that are tried for a token without `kid`.
pub(super) const MAX_CANDIDATES: usize = 4;

/// The rules for the keys of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRules {
    /// Keys for other algorithms are skipped.
    pub algorithms: Vec<Algorithm>,
    /// The purpose that a key must be published for.
    pub key_use: KeyUse,
    /// The issuer that a key must be of, if the key names one.
    pub issuer: Option<KeyIssuer>,
}

/// One tenant of an issuer whose keys are published for several tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyIssuer {
    /// `iss` of the tenant's tokens.
    pub issuer: String,
    /// The id that `{tenantid}` stands for.
    pub tenant: String,
}

impl KeyIssuer {
    /// Whether the member `issuer` of a key is this issuer
    /// ([Microsoft: access tokens](https://learn.microsoft.com/entra/identity-platform/access-tokens)).
    fn is_named_by(&self, member: &str) -> bool {
        member.replace("{tenantid}", &self.tenant) == self.issuer
    }
}

/// The purpose that a key is published for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// Signatures: `use` is `sig` or absent (RFC 7517 section 4.2).
    Signature,
    /// JWT-SVIDs: `use` is `jwt-svid` (SPIFFE Trust Domain and Bundle section 4.2.2). The other keys of a bundle are
    /// certificates.
    JwtSvid,
}

/// The usable keys of one issuer: at least one, each with exactly one algorithm, no two with the same `kid` and the
/// same algorithm.
#[derive(Debug)]
pub(crate) struct KeySet {
    keys: Vec<VerificationKey>,
}

/// Equal sets verify the same tokens. The order of keys does not matter.
impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        self.keys.len() == other.keys.len() && self.keys.iter().all(|key| other.keys.contains(key))
    }
}

impl KeySet {
    /// Reads a JWK set ([RFC 7517 section 5](https://www.rfc-editor.org/rfc/rfc7517#section-5)), and returns the keys that
    /// fit the rules and the others with the reason.
    ///
    /// A key's algorithm is its `alg`. Without `alg` it is that of the key's curve; for RSA it is the only one of the
    /// rules, or RS256 among several.
    ///
    /// Keys that do not fit the rules are dropped first, and a repeated key counts once. Then keys are identified by
    /// `kid` and algorithm (RFC 7517 section 4.5 allows one `kid` for keys of several types and purposes). If two
    /// different keys have the same `kid` and algorithm, both are refused as ambiguous.
    ///
    /// Base64 of key members may have padding and either alphabet, and numbers may have leading zeros: some issuers do
    /// not follow RFC 7518 strictly, and the meaning is unambiguous.
    ///
    /// # Errors
    ///
    /// When the document is too large, not a JWK set, or has no usable key.
    pub(crate) fn import(document: &[u8], rules: &KeyRules) -> Result<(Self, Vec<SkippedKey>), KeySetError> {
        if document.len() > MAX_KEY_DOCUMENT_BYTES {
            return Err(KeySetError::TooLarge);
        }
        let entries = document::entries(document).ok_or(KeySetError::Malformed)?;
        if entries.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        signature::choose_cryptography();
        let (mut usable, mut skipped) = (Vec::<(usize, VerificationKey)>::new(), Vec::new());
        for (index, entry) in entries.iter().enumerate() {
            let imported = entry.as_ref().ok_or(SkipReason::NotAnObject);
            match imported.and_then(|jwk| VerificationKey::from_jwk(jwk, rules)) {
                Ok(key) if usable.iter().any(|(_, other)| *other == key) => {}
                Ok(key) => usable.push((index, key)),
                Err(reason) => {
                    let key_id = entry.as_ref().and_then(key_id).filter(|key_id| key_id.len() <= MAX_KEY_ID_BYTES);
                    skipped.push(SkippedKey { index, key_id: key_id.map(str::to_owned), reason });
                }
            }
        }
        let is_ambiguous = |key: &VerificationKey| {
            let shares_name = |(_, other): &&(usize, VerificationKey)| {
                other.key_id() == key.key_id() && other.algorithm() == key.algorithm()
            };
            key.key_id().is_some() && usable.iter().filter(shares_name).count() > 1
        };
        let ambiguous: Vec<bool> = usable.iter().map(|(_, key)| is_ambiguous(key)).collect();
        let mut keys = Vec::new();
        for ((index, key), is_ambiguous) in usable.into_iter().zip(ambiguous) {
            if is_ambiguous {
                let key_id = key.key_id().map(str::to_owned);
                skipped.push(SkippedKey { index, key_id, reason: SkipReason::DuplicateKeyId });
            } else {
                keys.push(key);
            }
        }
        skipped.sort_by_key(|skipped| skipped.index);
        if keys.is_empty() { Err(KeySetError::NoUsableKey { skipped }) } else { Ok((Self { keys }, skipped)) }
    }

    /// The number of keys, at least 1.
    #[must_use]
    pub(crate) const fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys that may have signed a token with this `kid` and algorithm. With a `kid` this is exactly one. Without a
    /// `kid` these are all of the issuer's keys for the algorithm, from 1 to [`MAX_CANDIDATES`].
    ///
    /// A key without `kid` does not match a token with one.
    pub(super) fn candidates(
        &self,
        key_id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Vec<&VerificationKey>, KeyLookupError> {
        let named = |key: &&VerificationKey| key_id.is_none() || key.key_id() == key_id;
        let mut others = 0;
        let mut candidates: Vec<&VerificationKey> = Vec::new();
        for key in self.keys.iter().filter(named) {
            if key.algorithm() != algorithm {
                others += 1;
            } else if !candidates.iter().any(|candidate| candidate.has_public_key_of(key)) {
                candidates.push(key);
            }
        }
        match candidates.len() {
            0 if key_id.is_some() && others > 0 => Err(KeyLookupError::OtherAlgorithm),
            0 => Err(KeyLookupError::Unknown),
            1..=MAX_CANDIDATES => Ok(candidates),
            _ => Err(KeyLookupError::Ambiguous),
        }
    }
}

/// A key that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its position in the document, from 0.
    pub index: usize,
    /// Its `kid`, if it has a usable one.
    pub key_id: Option<String>,
    /// Why it was refused.
    pub reason: SkipReason,
}

/// For the log. The `kid` is escaped, because the issuer chooses it.
impl fmt::Display for SkippedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, key_id, reason } = self;
        match key_id {
            Some(key_id) => write!(f, "key {index} ({key_id:?}) {reason}"),
            None => write!(f, "key {index} {reason}"),
        }
    }
}

/// The refused keys, for the log.
pub(super) fn list(skipped: &[SkippedKey]) -> String {
    let texts: Vec<String> = skipped.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// Why a key document is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeySetError {
    /// Over 256 KiB.
    #[error("the key document is larger than 256 KiB")]
    TooLarge,
    /// Not a JSON object with one array `keys`.
    #[error("the key document is not a JWK set")]
    Malformed,
    /// More than 64 keys.
    #[error("the key document has more than 64 keys")]
    TooManyKeys,
    /// The set is empty, or all keys were refused.
    #[error("the key document has no usable key; {}", if skipped.is_empty() { "it is empty".to_owned() } else { format!("left out: {}", list(skipped)) })]
    NoUsableKey {
        /// The refused keys.
        skipped: Vec<SkippedKey>,
    },
}

/// Why a set has no key for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum KeyLookupError {
    #[error("no such key")]
    Unknown,
    #[error("the key with this kid is for another algorithm")]
    OtherAlgorithm,
    #[error("no kid, and too many keys would fit")]
    Ambiguous,
}

fn key_id(jwk: &Map<String, Value>) -> Option<&str> {
    jwk.get("kid").and_then(Value::as_str)
}

#[cfg(test)]
mod tests;
