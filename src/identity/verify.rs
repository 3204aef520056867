//! Checking a token by the keys and rules of its issuer.

use std::sync::Arc;
use std::time::SystemTime;

use thiserror::Error;
use url::Url;

use super::authenticator::AuthenticationError;
use super::claims::{self, AcceptedClaims};
use super::issuer::{InvalidIssuerSettings, IssuerSettings, KeyLocation, TokenProfile};
use super::key_ring::{CurrentKeys, Freshness, KeyGeneration, KeyRing, KeyRingTiming};
use super::key_source::{
    DiscoveryKeySource, JwksFileKeySource, JwksUrlKeySource, KeyHttpClient, KeyHttpClientError, KeyServerAccess,
    KeySource,
};
use super::keys::{KeyLookupError, KeyRules, KeyUse};
use super::rejection::Rejection;
use super::token::{CompactToken, TokenHeader, TokenType};
use super::token_times::TokenTimes;
use super::verified_tokens::VerifiedToken;

/// Checks the tokens of one issuer.
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

    /// Which rules the issuer's tokens follow.
    pub(super) const fn profile(&self) -> TokenProfile {
        self.settings.profile
    }

    /// Checks a token that claims to be this issuer's. `turn` is waited for before the signature is checked, and what it
    /// yields is held until the check is done.
    pub(super) async fn verify<T>(
        self: &Arc<Self>,
        token: CompactToken<'_>,
        now: SystemTime,
        turn: impl Future<Output = T>,
    ) -> Result<VerifiedToken, AuthenticationError> {
        self.check_header(token.header())?;
        let mut keys = self.current_keys()?;
        let mut freshness = Freshness::Latest;
        let (key_id, algorithm) = (token.header().key_id.as_deref(), token.header().algorithm);
        if let Err(KeyLookupError::Unknown) = keys.set.find(key_id, algorithm) {
            freshness = self.keys.look_for_new_keys().await;
            keys = self.current_keys()?;
        }
        let key = keys.set.find(key_id, algorithm).map_err(|error| match (error, freshness) {
            (KeyLookupError::Unknown, Freshness::Latest) => Rejection::UnknownKey.into(),
            (KeyLookupError::Unknown, Freshness::Uncertain) => self.keys_unavailable(),
            (KeyLookupError::Ambiguous, _) => Rejection::AmbiguousKey.into(),
        })?;
        let _turn = turn.await;
        let claims = token.verify(key)?;
        let AcceptedClaims { caller, times } = claims::accept(&claims, &self.settings, self.issuer(), now)?;
        let verifier = Arc::clone(self);
        Ok(VerifiedToken { caller: Arc::new(caller), times, verifier, generation: keys.generation })
    }

    /// Checks the times of a token that was verified before.
    pub(super) fn check_times(&self, times: &TokenTimes, now: SystemTime) -> Result<(), Rejection> {
        times.check(&self.settings, now)
    }

    /// The generation of the keys that a token would be verified by now.
    pub(super) fn current_generation(&self) -> Result<KeyGeneration, AuthenticationError> {
        self.keys.current_generation().ok_or_else(|| self.keys_unavailable())
    }

    fn check_header(&self, header: &TokenHeader) -> Result<(), Rejection> {
        if !self.settings.algorithms.contains(&header.algorithm) {
            return Err(Rejection::AlgorithmNotAllowed);
        }
        let type_fits = match self.settings.profile {
            TokenProfile::AccessToken => header.token_type == Some(TokenType::AccessToken),
            TokenProfile::Spiffe => header.token_type != Some(TokenType::AccessToken),
            _ => header.token_type != Some(TokenType::Jose),
        };
        if !type_fits {
            return Err(Rejection::TypeNotAllowed);
        }
        // SPIFFE JWT-SVID section 2: no members but alg, kid and typ.
        if self.settings.profile == TokenProfile::Spiffe && header.has_other_members {
            return Err(Rejection::HeaderUnsupported);
        }
        Ok(())
    }

    fn with_valid_settings(settings: IssuerSettings, source: Box<dyn KeySource>) -> Self {
        let timing =
            KeyRingTiming { refresh_interval: settings.key_refresh_interval, max_key_age: settings.max_key_age };
        let key_use = match settings.profile {
            TokenProfile::Spiffe => KeyUse::JwtSvid,
            _ => KeyUse::Signature,
        };
        let rules = KeyRules { algorithms: settings.algorithms.clone(), key_use };
        let keys = KeyRing::new(settings.issuer.as_str().into(), rules, source, timing);
        Self { settings, keys: Arc::new(keys) }
    }

    fn current_keys(&self) -> Result<CurrentKeys, AuthenticationError> {
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

/// Where a pod finds the keys of its cluster's service accounts.
const KUBERNETES_KEYS: &str = "https://kubernetes.default.svc/openid/v1/jwks";

fn key_source(settings: &IssuerSettings) -> Result<Box<dyn KeySource>, IssuerVerifierError> {
    let access = KeyServerAccess {
        ca_file: settings.key_ca_file.clone(),
        bearer_file: settings.key_bearer_file.clone(),
        settle: settings.file_settle,
    };
    let client = || KeyHttpClient::new(settings.plain_http, access.clone());
    Ok(match &settings.key_location {
        KeyLocation::Discovery => Box::new(DiscoveryKeySource::new(&settings.issuer, client()?)?),
        KeyLocation::CognitoPool => {
            let url = Url::parse(&format!("{}/.well-known/jwks.json", settings.issuer))?;
            Box::new(JwksUrlKeySource::new(url, client()?))
        }
        KeyLocation::KubernetesApiServer => Box::new(JwksUrlKeySource::new(Url::parse(KUBERNETES_KEYS)?, client()?)),
        KeyLocation::JwksUrl(url) => Box::new(JwksUrlKeySource::new(url.clone(), client()?)),
        KeyLocation::JwksFile(path) => Box::new(JwksFileKeySource::new(path.clone(), settings.file_settle)),
    })
}
