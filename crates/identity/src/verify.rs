//! Checks a token by the keys and rules of its issuer.

use std::sync::Arc;
use std::time::SystemTime;

use thiserror::Error;
use tokio::time::Instant;
use url::Url;

use super::caller::Caller;
use super::claims::{self, AcceptedClaims};
use super::confirmation::CertificateThumbprint;
use super::error::AuthenticationError;
use super::issuer::{InvalidIssuerSettings, IssuerSettings, KeyLocation, TokenProfile};
use super::key_ring::{Cause, CurrentKeys, KeyGeneration, KeyRing, KeyRingTiming, SearchResult};
use super::key_source::{
    DiscoveryKeySource, JwksFileKeySource, JwksUrlKeySource, KeyHttpClient, KeyHttpClientError, KeyServerAccess,
    KeySource,
};
use super::keys::{KeyIssuer, KeyLookupError, KeyRules, KeySet, KeyUse, VerificationKey};
use super::rejection::Rejection;
use super::token::{CompactToken, SignedClaims, TokenHeader, TokenType};
use super::token_times::TokenTimes;

/// A token with a verified signature and accepted claims.
#[derive(Debug, Clone)]
pub(super) struct VerifiedToken {
    pub(super) caller: Arc<Caller>,
    pub(super) times: TokenTimes,
    /// The client certificate that the token is bound to, if any.
    pub(super) bound_to: Option<Box<CertificateThumbprint>>,
    pub(super) verifier: Arc<IssuerVerifier>,
    pub(super) generation: KeyGeneration,
}

/// Checks the tokens of one issuer.
#[derive(Debug)]
pub struct IssuerVerifier {
    settings: IssuerSettings,
    keys: Arc<KeyRing>,
}

impl IssuerVerifier {
    /// A verifier with keys from the configured location.
    ///
    /// # Errors
    ///
    /// When the settings are invalid or the HTTP client cannot be built.
    pub fn new(settings: IssuerSettings) -> Result<Self, IssuerVerifierError> {
        settings.validate()?;
        let source = key_source(&settings)?;
        Ok(Self::with_valid_settings(settings, source))
    }

    /// A verifier with keys from the given source, in place of the configured location.
    ///
    /// # Errors
    ///
    /// When the settings are invalid.
    pub fn with_key_source(settings: IssuerSettings, source: Box<dyn KeySource>) -> Result<Self, IssuerVerifierError> {
        settings.validate()?;
        Ok(Self::with_valid_settings(settings, source))
    }

    /// The issuer, as its tokens spell it.
    #[must_use]
    pub fn issuer(&self) -> &Arc<str> {
        self.keys.issuer()
    }

    /// The issuer's keys. A task must run [`KeyRing::keep_fresh`]: without it, a call with an unknown key waits a
    /// second for a fetch that never begins.
    #[must_use]
    pub const fn keys(&self) -> &Arc<KeyRing> {
        &self.keys
    }

    /// The rules for the issuer's tokens.
    pub(super) const fn profile(&self) -> TokenProfile {
        self.settings.profile
    }

    /// Checks a token that names this issuer. It waits for a turn before the signature is verified, and holds the
    /// result of the turn until that is done. If the key was replaced, there is a second verification, in a second
    /// turn.
    pub(super) async fn verify<F: Future>(
        self: &Arc<Self>,
        mut token: CompactToken<'_>,
        now: SystemTime,
        turn: impl Fn() -> F,
    ) -> Result<VerifiedToken, AuthenticationError> {
        self.check_header(token.header())?;
        let asked = Instant::now();
        let mut keys = self.keys_for(token.header(), asked).await?;
        let mut checked = check_signature(&mut token, &keys.set, &turn).await;
        if checked.as_ref().is_err_and(|rejection| may_be_outdated(*rejection))
            && let Some(newer) = self.replaced_keys(&keys, token.header(), asked).await
        {
            keys = newer;
            checked = check_signature(&mut token, &keys.set, &turn).await;
        }
        let AcceptedClaims { caller, times, bound_to } = claims::accept(&checked?, &self.settings, self.issuer(), now)?;
        let verifier = Arc::clone(self);
        Ok(VerifiedToken { caller: Arc::new(caller), times, bound_to, verifier, generation: keys.generation })
    }

    /// The active keys, with one for this header. This waits for a fetch if they have none.
    async fn keys_for(&self, header: &TokenHeader, asked: Instant) -> Result<CurrentKeys, AuthenticationError> {
        let is_known = |set: &KeySet| !matches!(candidates(set, header), Err(KeyLookupError::Unknown));
        let keys = self.current_keys()?;
        if is_known(&keys.set) {
            return Ok(keys);
        }
        let search = self.keys.search(asked, Cause::UnknownKey, is_known).await;
        let keys = self.current_keys()?;
        match search {
            _ if is_known(&keys.set) => Ok(keys),
            SearchResult::Found | SearchResult::NotPublished => Err(Rejection::UnknownKey.into()),
            SearchResult::Unknown { retry_after } => {
                Err(AuthenticationError::KeysUnavailable { issuer: Arc::clone(self.issuer()), retry_after })
            }
        }
    }

    /// The active keys, if they are other ones than those that a signature was verified with. This waits for a fetch if
    /// the budget permits one. An invalid signature is never reported as unavailable keys.
    async fn replaced_keys(&self, checked: &CurrentKeys, header: &TokenHeader, asked: Instant) -> Option<CurrentKeys> {
        let before = candidates(&checked.set, header);
        let is_other = |set: &KeySet| candidates(set, header) != before;
        self.keys.search(asked, Cause::BadSignature, is_other).await;
        self.keys.current().filter(|keys| is_other(&keys.set))
    }

    /// Checks the times of a cached token.
    pub(super) fn check_times(&self, times: &TokenTimes, now: SystemTime) -> Result<(), Rejection> {
        times.check(&self.settings, now)
    }

    /// The generation of the active keys.
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
        let of_tenant = |tenant| KeyIssuer { issuer: settings.issuer.clone(), tenant };
        let issuer = settings.tenant.clone().map(of_tenant);
        let rules = KeyRules { algorithms: settings.algorithms.clone(), key_use, issuer };
        let mut keys = KeyRing::new(settings.issuer.as_str().into(), rules, source, timing);
        if let Some(path) = settings.start_key_file.clone() {
            keys = keys.with_initial_keys(Box::new(JwksFileKeySource::new(path, settings.file_settle)));
        }
        Self { settings, keys: Arc::new(keys) }
    }

    fn current_keys(&self) -> Result<CurrentKeys, AuthenticationError> {
        self.keys.current().ok_or_else(|| self.keys_unavailable())
    }

    fn keys_unavailable(&self) -> AuthenticationError {
        AuthenticationError::KeysUnavailable { issuer: Arc::clone(self.issuer()), retry_after: self.keys.retry_after() }
    }
}

fn candidates<'k>(set: &'k KeySet, header: &TokenHeader) -> Result<Vec<&'k VerificationKey>, KeyLookupError> {
    set.candidates(header.key_id.as_deref(), header.algorithm)
}

/// Verifies a token's signature with all candidate keys, in one turn.
async fn check_signature<F: Future>(
    token: &mut CompactToken<'_>,
    keys: &KeySet,
    turn: impl Fn() -> F,
) -> Result<SignedClaims, Rejection> {
    let candidates = candidates(keys, token.header()).map_err(|error| match error {
        KeyLookupError::Unknown => Rejection::UnknownKey,
        KeyLookupError::OtherAlgorithm => Rejection::AlgorithmNotAllowed,
        KeyLookupError::Ambiguous => Rejection::AmbiguousKey,
    })?;
    let _turn = turn().await;
    token.verify(&candidates)
}

/// Whether the token could be valid by a replaced key of the same name.
fn may_be_outdated(rejection: Rejection) -> bool {
    matches!(rejection, Rejection::SignatureInvalid | Rejection::AlgorithmNotAllowed)
}

/// Why a verifier cannot be built.
#[derive(Debug, Error)]
pub enum IssuerVerifierError {
    /// The settings are invalid.
    #[error(transparent)]
    Settings(#[from] InvalidIssuerSettings),
    /// The HTTP client cannot be built.
    #[error(transparent)]
    Http(#[from] KeyHttpClientError),
    /// The key URL, which is derived from the issuer, is invalid.
    #[error("the issuer's key URL is invalid")]
    KeyUrl(#[from] url::ParseError),
}

/// The URL of the keys of a cluster's service accounts, inside the cluster.
const KUBERNETES_KEYS: &str = "https://kubernetes.default.svc/openid/v1/jwks";

fn key_source(settings: &IssuerSettings) -> Result<Box<dyn KeySource>, IssuerVerifierError> {
    let access = KeyServerAccess {
        ca_file: settings.key_ca_file.clone(),
        bearer_file: settings.key_bearer_file.clone(),
        proxy: settings.key_proxy.proxy().cloned(),
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
