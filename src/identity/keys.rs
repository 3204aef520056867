//! The keys of an issuer, imported strictly.

mod jwk;
mod roca;

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use thiserror::Error;

use super::algorithm::Algorithm;
use super::json;
use super::token::MAX_KEY_ID_BYTES;

pub use jwk::SkipReason;
pub(super) use jwk::VerificationKey;

/// The largest key document, in bytes.
pub const MAX_KEY_DOCUMENT_BYTES: usize = 256 * 1_024;

/// The most keys in a document, the unusable ones included.
pub const MAX_KEYS: usize = 64;

/// Which keys of a document are of use to an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRules {
    /// The algorithms that a key may have.
    pub algorithms: Vec<Algorithm>,
    /// What a key must be published for.
    pub key_use: KeyUse,
}

/// What a key is published for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// Signatures: `use` is `sig` or absent (RFC 7517 section 4.2).
    Signature,
    /// JWT-SVIDs: `use` is `jwt-svid` (SPIFFE Trust Domain and Bundle section 4.2.2). The other keys of a bundle are
    /// certificates.
    JwtSvid,
}

/// The usable keys of one issuer: at least one, each with exactly one algorithm, no two with the same `kid`.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<VerificationKey>,
}

/// Equal sets verify the same tokens, in whatever order a server listed their keys.
impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        self.keys.len() == other.keys.len() && self.keys.iter().all(|key| other.keys.contains(key))
    }
}

impl KeySet {
    /// Reads a JWK set ([RFC 7517 section 5](https://www.rfc-editor.org/rfc/rfc7517#section-5)), keeping the keys that
    /// fit the rules and reporting the others. All entries that share a `kid` are left
    /// out: which of them is meant cannot be told.
    ///
    /// A key's algorithm is its `alg`; where that is absent, the one that its curve has, and for RSA the only one of
    /// the rules, or RS256 among several.
    ///
    /// # Errors
    ///
    /// When the document is too large, not a JWK set, or has no usable key.
    pub fn import(document: &[u8], rules: &KeyRules) -> Result<(Self, Vec<SkippedKey>), KeySetError> {
        if document.len() > MAX_KEY_DOCUMENT_BYTES {
            return Err(KeySetError::TooLarge);
        }
        let JwkSet { keys: texts } = parse_set(document)?;
        if texts.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let entries: Vec<_> = texts.into_iter().map(|text| json::parse_object(text.get().as_bytes())).collect();
        let mut uses_of_key_id = HashMap::<&str, usize>::new();
        for key_id in entries.iter().flatten().filter_map(key_id) {
            *uses_of_key_id.entry(key_id).or_default() += 1;
        }
        let mut keys = Vec::new();
        let mut skipped = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let key_id = entry.as_ref().ok().and_then(key_id);
            let shared = key_id.is_some_and(|key_id| uses_of_key_id.get(key_id).is_some_and(|&uses| uses > 1));
            let imported = match entry {
                Err(_) => Err(SkipReason::NotAnObject),
                Ok(_) if shared => Err(SkipReason::DuplicateKeyId),
                Ok(jwk) => VerificationKey::from_jwk(jwk, rules),
            };
            match imported {
                Ok(key) => keys.push(key),
                Err(reason) => {
                    let key_id = key_id.filter(|key_id| key_id.len() <= MAX_KEY_ID_BYTES).map(str::to_owned);
                    skipped.push(SkippedKey { index, key_id, reason });
                }
            }
        }
        if keys.is_empty() { Err(KeySetError::NoUsableKey { skipped }) } else { Ok((Self { keys }, skipped)) }
    }

    /// The number of keys, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a key set is never empty")]
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key for a token with this `kid` and algorithm. A token without `kid` has one only where a single key of
    /// its algorithm exists.
    pub(super) fn find(&self, key_id: Option<&str>, algorithm: Algorithm) -> Result<&VerificationKey, KeyLookupError> {
        if let Some(key_id) = key_id {
            return self.keys.iter().find(|key| key.key_id() == Some(key_id)).ok_or(KeyLookupError::Unknown);
        }
        let mut candidates = self.keys.iter().filter(|key| key.algorithm() == algorithm);
        match (candidates.next(), candidates.next()) {
            (Some(key), None) => Ok(key),
            (None, _) => Err(KeyLookupError::Unknown),
            (Some(_), Some(_)) => Err(KeyLookupError::Ambiguous),
        }
    }
}

/// A key that was left out of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its position in the document, from 0.
    pub index: usize,
    /// Its `kid`, where it has a usable one.
    pub key_id: Option<String>,
    /// Why it was left out.
    pub reason: SkipReason,
}

/// A key document that is not used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeySetError {
    /// Over [`MAX_KEY_DOCUMENT_BYTES`].
    #[error("the key document is larger than 256 KiB")]
    TooLarge,
    /// Not a JSON object with an array `keys`.
    #[error("the key document is not a JWK set")]
    Malformed,
    /// Over [`MAX_KEYS`].
    #[error("the key document has more than 64 keys")]
    TooManyKeys,
    /// The set is empty, or every key was left out.
    #[error("the key document has no usable key; left out: {skipped:?}")]
    NoUsableKey {
        /// What was left out.
        skipped: Vec<SkippedKey>,
    },
}

/// Why a set has no key for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum KeyLookupError {
    #[error("no such key")]
    Unknown,
    #[error("no kid, and several keys would fit")]
    Ambiguous,
}

/// The keys stay text here, so that one that cannot be read does not cost the others.
#[derive(Deserialize)]
struct JwkSet<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

fn parse_set(document: &[u8]) -> Result<JwkSet<'_>, KeySetError> {
    // A derived reader would take an array for the struct as well.
    if document.trim_ascii_start().first() != Some(&b'{') {
        return Err(KeySetError::Malformed);
    }
    serde_json::from_slice(document).map_err(|_| KeySetError::Malformed)
}

fn key_id(jwk: &Map<String, Value>) -> Option<&str> {
    jwk.get("kid").and_then(Value::as_str)
}

#[cfg(test)]
mod tests;
