//! Checking a token by the keys and rules of its issuer.

use std::sync::Arc;
use std::time::SystemTime;

use thiserror::Error;
use url::Url;

use super::authenticator::AuthenticationError;
use super::caller::Caller;
use super::claims;
use super::issuer::{InvalidIssuerSettings, IssuerSettings, KeyLocation};
use super::key_ring::{Freshness, KeyRing, KeyRingTiming};
use super::key_source::{
    DiscoveryKeySource, JwksFileKeySource, JwksUrlKeySource, KeyHttpClient, KeyHttpClientError, KeySource,
};
use super::keys::{KeyLookupError, KeySet};
use super::rejection::Rejection;
use super::token::CompactToken;

/// Checks the tokens of one issuer.
///
/// jsonwebtoken checks the signature and nothing else. Its own checks of claims pass what is missing or of the wrong
/// type, and read the machine's clock.
#[derive(Debug)]
pub struct IssuerVerifier {
    settings: IssuerSettings,
    keys: Arc<KeyRing>,
}

impl IssuerVerifier {
    /// A verifier with keys from where the settings say.
    ///
    /// # Errors
    ///
    /// When the settings are not valid or HTTP cannot be set up.
    pub fn new(settings: IssuerSettings) -> Result<Self, IssuerVerifierError> {
        settings.validate()?;
        let source = key_source(&settings)?;
        Ok(Self::with_valid_settings(settings, source))
    }

    /// A verifier with keys from a source of the caller's, instead of where the settings say.
    ///
    /// # Errors
    ///
    /// When the settings are not valid.
    pub fn with_key_source(settings: IssuerSettings, source: Box<dyn KeySource>) -> Result<Self, IssuerVerifierError> {
        settings.validate()?;
        Ok(Self::with_valid_settings(settings, source))
    }

    /// The issuer, as its tokens spell it.
    #[must_use]
    pub fn issuer(&self) -> &Arc<str> {
        self.keys.issuer()
    }

    /// The issuer's keys. A task has to run [`KeyRing::keep_fresh`]: without one, a call with an unknown key waits for
    /// its second in vain.
    #[must_use]
    pub const fn keys(&self) -> &Arc<KeyRing> {
        &self.keys
    }

    /// Checks a token that claims to be this issuer's.
    pub(super) async fn verify(&self, token: CompactToken<'_>, now: SystemTime) -> Result<Caller, AuthenticationError> {
        if !self.settings.algorithms.contains(&token.algorithm()) {
            return Err(Rejection::AlgorithmNotAllowed.into());
        }
        let mut keys = self.current_keys()?;
        let mut freshness = Freshness::Latest;
        if let Err(KeyLookupError::Unknown) = keys.find(token.key_id(), token.algorithm()) {
            freshness = self.keys.look_for_new_keys().await;
            keys = self.current_keys()?;
        }
        let key = keys.find(token.key_id(), token.algorithm()).map_err(|error| match (error, freshness) {
            (KeyLookupError::Unknown, Freshness::Latest) => Rejection::UnknownKey.into(),
            (KeyLookupError::Unknown, Freshness::Uncertain) => self.keys_unavailable(),
            (KeyLookupError::Ambiguous, _) => Rejection::AmbiguousKey.into(),
        })?;
        let claims = token.verify(key)?;
        Ok(Caller::from_token(claims::accept(claims, &self.settings, self.issuer(), now)?))
    }

    fn with_valid_settings(settings: IssuerSettings, source: Box<dyn KeySource>) -> Self {
        let timing =
            KeyRingTiming { refresh_interval: settings.key_refresh_interval, max_key_age: settings.max_key_age };
        let keys = KeyRing::new(settings.issuer.as_str().into(), settings.algorithms.clone(), source, timing);
        Self { settings, keys: Arc::new(keys) }
    }

    fn current_keys(&self) -> Result<Arc<KeySet>, AuthenticationError> {
        self.keys.current().ok_or_else(|| self.keys_unavailable())
    }

    fn keys_unavailable(&self) -> AuthenticationError {
        AuthenticationError::KeysUnavailable { issuer: Arc::clone(self.issuer()), retry_after: self.keys.retry_after() }
    }
}

/// A verifier cannot be built.
#[derive(Debug, Error)]
pub enum IssuerVerifierError {
    /// The settings are not valid.
    #[error(transparent)]
    Settings(#[from] InvalidIssuerSettings),
    /// HTTP cannot be set up.
    #[error(transparent)]
    Http(#[from] KeyHttpClientError),
    /// The address of the keys, made from the issuer, is not a URL.
    #[error("the issuer does not give the URL of its keys")]
    KeyUrl(#[from] url::ParseError),
}

fn key_source(settings: &IssuerSettings) -> Result<Box<dyn KeySource>, IssuerVerifierError> {
    let client = || KeyHttpClient::new(settings.plain_http);
    Ok(match &settings.key_location {
        KeyLocation::Discovery => Box::new(DiscoveryKeySource::new(&settings.issuer, client()?)?),
        KeyLocation::CognitoPool => {
            let url = Url::parse(&format!("{}/.well-known/jwks.json", settings.issuer))?;
            Box::new(JwksUrlKeySource::new(url, client()?))
        }
        KeyLocation::JwksUrl(url) => Box::new(JwksUrlKeySource::new(url.clone(), client()?)),
        KeyLocation::JwksFile(path) => Box::new(JwksFileKeySource::new(path.clone())),
    })
}
