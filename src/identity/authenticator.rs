//! Who is calling?

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use thiserror::Error;

use super::caller::Caller;
use super::rejection::Rejection;
use super::token::CompactToken;
use super::verify::IssuerVerifier;

/// Turns tokens into callers, by the rules of the issuer that each token claims to be from.
#[derive(Debug)]
pub struct Authenticator {
    issuers: HashMap<Arc<str>, Arc<IssuerVerifier>>,
}

impl Authenticator {
    /// Takes the issuers whose tokens are accepted.
    ///
    /// # Errors
    ///
    /// When there is none, or two have the same `iss`.
    pub fn new(verifiers: Vec<Arc<IssuerVerifier>>) -> Result<Self, AuthenticatorError> {
        let mut issuers = HashMap::with_capacity(verifiers.len());
        for verifier in verifiers {
            let issuer = Arc::clone(verifier.issuer());
            if issuers.insert(Arc::clone(&issuer), verifier).is_some() {
                return Err(AuthenticatorError::DuplicateIssuer(issuer));
            }
        }
        if issuers.is_empty() { Err(AuthenticatorError::NoIssuer) } else { Ok(Self { issuers }) }
    }

    /// Checks a token as of `now`. This takes no lock and waits for nothing, except for up to a second where the token
    /// names a key that its issuer has not published so far.
    ///
    /// # Errors
    ///
    /// Why the token is not accepted, or that this cannot be told because the issuer's keys cannot be had.
    pub async fn authenticate(&self, token: &str, now: SystemTime) -> Result<Arc<Caller>, AuthenticationError> {
        let token = CompactToken::parse(token)?;
        let verifier = self.issuers.get(token.claimed_issuer()?).ok_or(Rejection::UnknownIssuer)?;
        verifier.verify(token, now).await.map(Arc::new)
    }

    /// The issuers that have no keys, sorted: none of their tokens can be checked. The service is ready when there is
    /// none.
    #[must_use]
    pub fn issuers_without_keys(&self) -> Vec<Arc<str>> {
        let waiting = self.issuers.values().filter(|verifier| !verifier.keys().is_ready());
        let mut waiting: Vec<_> = waiting.map(|verifier| Arc::clone(verifier.issuer())).collect();
        waiting.sort();
        waiting
    }
}

/// Why there is no caller.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthenticationError {
    /// The proof is not accepted, and will not be.
    #[error("the proof of identity is not accepted: {0}")]
    Rejected(#[from] Rejection),
    /// The proof cannot be checked now.
    #[error("the keys of {issuer} are not available")]
    KeysUnavailable {
        /// The issuer.
        issuer: Arc<str>,
        /// When to try again: 1 to 60 seconds.
        retry_after: Duration,
    },
}

/// An authenticator cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthenticatorError {
    /// No issuer is configured: nobody could call.
    #[error("at least one issuer is needed")]
    NoIssuer,
    /// Two issuers have the same `iss`.
    #[error("the issuer {0} is configured twice")]
    DuplicateIssuer(Arc<str>),
}

#[cfg(test)]
mod tests;
