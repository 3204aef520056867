//! Authenticates bearer tokens.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;
use thiserror::Error;

use super::caller::Caller;
use super::confirmation::{CertificateThumbprint, check_binding};
use super::error::AuthenticationError;
use super::issuer::TokenProfile;
use super::key_ring::KeyRingStatus;
use super::rejection::Rejection;
use super::token::{CompactToken, MAX_TOKEN_BYTES};
use super::verified_tokens::{TokenCacheStatus, TokenDigest, VerifiedTokens};
use super::verify::{IssuerVerifier, VerifiedToken};
use super::workload::{SpiffeId, TRUST_DOMAIN_SCHEME};

/// Turns tokens into callers, by the rules of each token's issuer.
#[derive(Debug)]
pub struct Authenticator {
    /// By `iss`.
    issuers: HashMap<Arc<str>, Arc<IssuerVerifier>>,
    /// By the name of the trust domain.
    trust_domains: HashMap<Box<str>, Arc<IssuerVerifier>>,
    verified: VerifiedTokens,
    max_token_bytes: usize,
}

impl Authenticator {
    /// Takes the issuers whose tokens are accepted, and the size of the token cache in bytes. Without issuers every
    /// token is rejected.
    ///
    /// # Errors
    ///
    /// When two issuers have the same `iss`.
    pub fn new(verifiers: Vec<Arc<IssuerVerifier>>, token_cache_bytes: u64) -> Result<Self, AuthenticatorError> {
        let (mut issuers, mut trust_domains) = (HashMap::new(), HashMap::new());
        for verifier in verifiers {
            let issuer = Arc::clone(verifier.issuer());
            let replaced = match (verifier.profile(), issuer.strip_prefix(TRUST_DOMAIN_SCHEME)) {
                (TokenProfile::Spiffe, Some(trust_domain)) => trust_domains.insert(trust_domain.into(), verifier),
                _ => issuers.insert(Arc::clone(&issuer), verifier),
            };
            if replaced.is_some() {
                return Err(AuthenticatorError::DuplicateIssuer(issuer));
            }
        }
        let verified = VerifiedTokens::with_capacity(token_cache_bytes);
        Ok(Self { issuers, trust_domains, verified, max_token_bytes: MAX_TOKEN_BYTES })
    }

    /// The same with another limit of the size of a token, in bytes. The default, 64 KiB, is also the highest.
    #[must_use]
    pub fn with_max_token_bytes(mut self, bytes: usize) -> Self {
        self.max_token_bytes = bytes.min(MAX_TOKEN_BYTES);
        self
    }

    /// Checks a cached or new token as of `now`, from a connection without a client certificate.
    ///
    /// # Errors
    ///
    /// Those of [`recognise`](Self::recognise) and [`verify`](Self::verify).
    pub async fn authenticate(&self, token: &str, now: SystemTime) -> Result<Arc<Caller>, AuthenticationError> {
        match self.recognise(token, now, None)? {
            Recognised::Known(caller) => Ok(caller),
            Recognised::New(token) => self.verify(token, now, || std::future::ready(())).await,
        }
    }

    /// Looks a token up in the cache, and checks whether it is still valid. Does not wait. `presented` is the client
    /// certificate of the token's connection.
    ///
    /// # Errors
    ///
    /// When the token is too large, or a known token has expired or is bound to another certificate, or its issuer's keys
    /// are unavailable.
    pub fn recognise<'t>(
        &self,
        token: &'t str,
        now: SystemTime,
        presented: Option<&'t CertificateThumbprint>,
    ) -> Result<Recognised<'t>, AuthenticationError> {
        if token.len() > self.max_token_bytes {
            return Err(Rejection::TokenTooLarge.into());
        }
        let digest = TokenDigest::new(token);
        let known = self.known(&digest, now, presented)?;
        Ok(known.map_or(Recognised::New(NewToken { text: token, digest, presented }), Recognised::Known))
    }

    /// Checks a token that is not in the cache. If the token names an unknown key, this waits up to a second for a
    /// fetch of the issuer's keys. Then it waits for a turn, and verifies the signature while it holds the result of
    /// the turn. If the signature is invalid and the issuer may have replaced the key, it waits up to a second and for
    /// another turn.
    ///
    /// # Errors
    ///
    /// Why the token is rejected, or that the issuer's keys are unavailable.
    pub async fn verify<F: Future>(
        &self,
        token: NewToken<'_>,
        now: SystemTime,
        turn: impl Fn() -> F,
    ) -> Result<Arc<Caller>, AuthenticationError> {
        let NewToken { text, digest, presented } = token;
        let token = CompactToken::parse(text)?;
        let accepted = self.verifier_for(&token)?.verify(token, now, turn).await?;
        check_binding(accepted.bound_to.as_deref(), presented)?;
        let caller = Arc::clone(&accepted.caller);
        self.verified.insert(digest, accepted);
        Ok(caller)
    }

    /// The caller of a cached token that is still valid.
    fn known(
        &self,
        digest: &TokenDigest,
        now: SystemTime,
        presented: Option<&CertificateThumbprint>,
    ) -> Result<Option<Arc<Caller>>, AuthenticationError> {
        let Some(token) = self.verified.get(digest) else {
            self.verified.count_miss();
            return Ok(None);
        };
        let VerifiedToken { caller, times, bound_to, verifier, generation } = token;
        if verifier.current_generation()? != generation {
            // The keys have changed: the token may have been signed with a withdrawn key.
            self.verified.forget(digest);
            self.verified.count_miss();
            return Ok(None);
        }
        if let Err(rejection) = verifier.check_times(&times, now) {
            self.verified.forget(digest);
            return Err(rejection.into());
        }
        check_binding(bound_to.as_deref(), presented)?;
        self.verified.count_hit();
        Ok(Some(caller))
    }

    /// The rules for a token, by its unverified `iss`, or else by the trust domain of its subject. A JWT-SVID need not
    /// have `iss`, and its `iss` need not identify its keys ([SPIFFE JWT-SVID section
    /// 3](https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md#3-jwt-claims)).
    fn verifier_for(&self, token: &CompactToken<'_>) -> Result<&Arc<IssuerVerifier>, Rejection> {
        let (issuer, otherwise) = match token.unverified_claim("iss") {
            None => (None, Rejection::IssuerMalformed),
            Some(Value::String(issuer)) => (self.issuers.get(issuer.as_str()), Rejection::UnknownIssuer),
            Some(_) => return Err(Rejection::IssuerMalformed),
        };
        issuer.or_else(|| self.trust_domain_of(token)).ok_or(otherwise)
    }

    fn trust_domain_of(&self, token: &CompactToken<'_>) -> Option<&Arc<IssuerVerifier>> {
        if self.trust_domains.is_empty() {
            return None;
        }
        let id = SpiffeId::parse(token.unverified_claim("sub")?.as_str()?).ok()?;
        self.trust_domains.get(id.trust_domain())
    }

    fn verifiers(&self) -> impl Iterator<Item = &Arc<IssuerVerifier>> {
        self.issuers.values().chain(self.trust_domains.values())
    }

    /// The state of every issuer's keys, sorted by issuer.
    #[must_use]
    pub fn key_status(&self) -> Vec<(Arc<str>, KeyRingStatus)> {
        let states = self.verifiers().map(|verifier| (Arc::clone(verifier.issuer()), verifier.keys().status()));
        let mut states: Vec<_> = states.collect();
        states.sort_by(|(one, _), (other, _)| one.cmp(other));
        states
    }

    /// The state of the token cache.
    #[must_use]
    pub fn token_cache_status(&self) -> TokenCacheStatus {
        self.verified.status()
    }
}

/// What [`Authenticator::recognise`] finds.
#[derive(Debug)]
pub enum Recognised<'t> {
    /// The token is in the cache and valid.
    Known(Arc<Caller>),
    /// It is not in the cache, or was verified by other keys than the current ones.
    New(NewToken<'t>),
}

/// A token whose signature must be verified.
pub struct NewToken<'t> {
    text: &'t str,
    digest: TokenDigest,
    presented: Option<&'t CertificateThumbprint>,
}

impl std::fmt::Debug for NewToken<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewToken").finish_non_exhaustive()
    }
}

/// An authenticator cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthenticatorError {
    /// Two issuers have the same `iss`.
    #[error("the issuer {0} is configured twice")]
    DuplicateIssuer(Arc<str>),
}

#[cfg(test)]
mod tests;
