//! Pseudonyms of callers, for logs of other systems.

use std::fmt;

use aws_lc_rs::{hmac, rand};
use thiserror::Error;

use super::caller::Caller;
use super::workload::WorkloadId;
use access_broker_base::hex::lower_hex;

/// The shortest key, in bytes: that of the digest (RFC 2104 section 3).
const MIN_KEY_BYTES: usize = 32;

/// Makes pseudonyms of callers. A caller has the same pseudonym as long as the key is the same. Without the key it
/// cannot be checked whether a pseudonym is that of a known caller.
pub struct Pseudonyms(hmac::Key);

impl Pseudonyms {
    /// With a key that several processes share.
    ///
    /// # Errors
    ///
    /// When the key has less than 32 bytes.
    pub fn with_key(key: &[u8]) -> Result<Self, PseudonymKeyError> {
        if key.len() < MIN_KEY_BYTES {
            return Err(PseudonymKeyError::TooShort);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }

    /// With a random key, for this process only.
    ///
    /// # Errors
    ///
    /// When the operating system's random numbers are unavailable.
    pub fn with_random_key() -> Result<Self, PseudonymKeyError> {
        let mut key = [0; MIN_KEY_BYTES];
        rand::fill(&mut key).map_err(|_| PseudonymKeyError::NoRandomness)?;
        Self::with_key(&key)
    }

    /// The caller's pseudonym: 32 hexadecimal digits.
    #[must_use]
    pub fn pseudonym(&self, caller: &Caller) -> String {
        let token = caller.token();
        let parts = [
            token.map(|token| &*token.issuer),
            token.map(|token| token.subject.as_str()),
            caller.workload().map(WorkloadId::as_str),
        ];
        // A part more only where the subject is not from `sub`: a pseudonym stays the same over versions.
        let claim = token.and_then(|token| token.subject.claim());
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts.into_iter().chain(claim.map(Some)) {
            // Each part with its length, so that different callers never have the same input. Lengths fit into 64 bits.
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            context.update(&length.to_be_bytes());
            context.update(part.unwrap_or_default().as_bytes());
        }
        let tag = context.sign();
        let (half, _) = tag.as_ref().split_at(tag.as_ref().len() / 2);
        lower_hex(half)
    }
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pseudonyms").finish_non_exhaustive()
    }
}

/// Why a key for pseudonyms is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PseudonymKeyError {
    /// The key is short enough to be guessed.
    #[error("the key must have at least 32 bytes")]
    TooShort,
    /// The operating system gives no random bytes.
    #[error("the operating system's random numbers are unavailable")]
    NoRandomness,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use super::*;
    use crate::{ClaimPath, ClaimSet, Names, Subject, TokenIdentity};

    fn token(issuer: &str, subject: &str) -> Caller {
        token_of(issuer, subject.into())
    }

    fn token_of(issuer: &str, subject: Subject) -> Caller {
        Caller::from_token(Arc::new(TokenIdentity {
            issuer: issuer.into(),
            subject,
            groups: Names::default(),
            scopes: Names::default(),
            claims: ClaimSet::pack(&serde_json::Map::new(), false).unwrap(),
            expires_at: SystemTime::UNIX_EPOCH,
        }))
    }

    fn workload(id: &str) -> WorkloadId {
        WorkloadId::parse(id).unwrap()
    }

    #[test]
    fn the_same_caller_has_the_same_pseudonym_under_the_same_key() {
        let (one, same, other) = (
            Pseudonyms::with_key(&[1; 32]).unwrap(),
            Pseudonyms::with_key(&[1; 32]).unwrap(),
            Pseudonyms::with_key(&[2; 32]).unwrap(),
        );
        let caller = token("https://a.example", "ada");
        assert_eq!(one.pseudonym(&caller), same.pseudonym(&caller));
        assert_ne!(one.pseudonym(&caller), other.pseudonym(&caller));
        assert_eq!(one.pseudonym(&caller).len(), 32);
        let random = Pseudonyms::with_random_key().unwrap();
        assert_ne!(random.pseudonym(&caller), Pseudonyms::with_random_key().unwrap().pseudonym(&caller));
    }

    #[test]
    fn no_two_callers_share_one() {
        let pseudonyms = Pseudonyms::with_key(&[1; 32]).unwrap();
        let thumbnailer = "spiffe://prod.example/thumbnailer";
        let from_claim = |text: &str, claim| {
            token_of("https://a.example", Subject::from_claim(text, &ClaimPath::parse(claim).unwrap()))
        };
        let callers = [
            token("https://a.example", "ada"),
            token("https://a.example", "bob"),
            token("https://b.example", "ada"),
            token("https://a.examplea", "da"),
            token("https://a.example", ""),
            token("https://a.example", "ada").through(workload(thumbnailer)).unwrap(),
            from_claim("ada", "common_name"),
            from_claim("ada", "name"),
            from_claim("bob", "name"),
            from_claim("ada", "name").through(workload(thumbnailer)).unwrap(),
            Caller::from_workload(workload(thumbnailer)),
            Caller::from_workload(workload("spiffe://prod.example/indexer")),
        ];
        let mut all: Vec<_> = callers.iter().map(|caller| pseudonyms.pseudonym(caller)).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), callers.len());
    }

    /// Computed by Python's hmac: the parts with their lengths, and 8 bytes of 255 for an absent part.
    #[test]
    fn a_pseudonym_stays_the_same_over_versions() {
        let pseudonyms = Pseudonyms::with_key(&[1; 32]).unwrap();
        assert_eq!(pseudonyms.pseudonym(&token("https://a.example", "ada")), "91dcb72677ab39546761874f7763926f");
        let other = Subject::from_claim("ada", &ClaimPath::parse("common_name").unwrap());
        assert_eq!(pseudonyms.pseudonym(&token_of("https://a.example", other)), "85aaed3885a75b775c55b9502c3dd8db");
    }

    #[test]
    fn a_short_key_is_refused() {
        assert_eq!(Pseudonyms::with_key(&[1; 31]).unwrap_err(), PseudonymKeyError::TooShort);
    }
}
