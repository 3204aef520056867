//! Callers as the product makes them: from signed tokens, by its own authenticator.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use access_broker_identity::{
    Algorithm, Authenticator, Caller, ClaimPath, IssuerSettings, IssuerVerifier, KeyDocument, KeyLocation, KeySource,
    KeySourceError, WorkloadId,
};
use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;
use tokio::runtime::Runtime;

use super::json::object;
use super::spec::{CallerSpec, TokenSpec};

pub(super) const AUDIENCE: &str = "broker";

/// An issuer whose addresses must be verified one by one, with the claims of the defaults.
pub(super) const STRICT: &str = "https://strict.example";
/// An issuer whose every e-mail address counts, with claims of its own for groups and scopes.
pub(super) const TRUSTED: &str = "https://trusted.example";
/// A trust domain whose JWT-SVIDs are accepted.
pub(super) const WORKLOADS: &str = "spiffe://prod.example";

pub(super) fn groups_claim(issuer: &str) -> &'static str {
    if issuer == TRUSTED { "roles" } else { "groups" }
}

pub(super) fn scopes_claim(issuer: &str) -> &'static str {
    if issuer == TRUSTED { "scp" } else { "scope" }
}

pub(super) fn trusts_email(issuer: &str) -> bool {
    issuer == TRUSTED
}

#[derive(Debug)]
struct FixedKeys(Vec<u8>);

#[async_trait]
impl KeySource for FixedKeys {
    async fn fetch(&self) -> Result<KeyDocument, KeySourceError> {
        Ok(KeyDocument { bytes: self.0.clone(), max_age: None })
    }
}

/// All issuers with one key.
pub(super) struct Issuers {
    key: EcdsaKeyPair,
    authenticator: Authenticator,
    runtime: Runtime,
}

impl Issuers {
    pub(super) fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let verifiers = [STRICT, TRUSTED, WORKLOADS].map(|issuer| {
            let verifier = IssuerVerifier::with_key_source(settings(issuer), Box::new(keys(&key, issuer))).unwrap();
            runtime.block_on(verifier.keys().refresh()).unwrap();
            Arc::new(verifier)
        });
        // No token is shown twice, so none is remembered.
        let authenticator = Authenticator::new(verifiers.to_vec(), 0).unwrap();
        Self { key, authenticator, runtime }
    }

    /// The caller at a time in milliseconds since 1970, or why its token is refused.
    pub(super) fn caller(&self, caller: &CallerSpec, now: u64) -> Result<Caller, String> {
        let workload = caller.workload.map(|name| WorkloadId::parse(name).unwrap());
        let Some(token) = &caller.token else { return Ok(Caller::from_workload(workload.unwrap())) };
        let token = self.sign(token);
        let accepted = self.runtime.block_on(self.authenticator.authenticate(&token, instant(now)));
        let accepted = accepted.map_err(|error| format!("{error:?}"))?;
        match workload {
            None => Ok(Caller::clone(&accepted)),
            Some(workload) => accepted.through(workload).map_err(|error| format!("{error:?}")),
        }
    }

    fn sign(&self, token: &TokenSpec) -> String {
        let parts = [r#"{"alg":"ES256","kid":"a"}"#, &object(&token.members())];
        let [header, claims] = parts.map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        let signed = format!("{header}.{claims}");
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

fn settings(issuer: &str) -> IssuerSettings {
    let audiences = vec![AUDIENCE.to_owned()];
    let defaults = if issuer == WORKLOADS {
        IssuerSettings::spiffe(issuer, audiences)
    } else {
        IssuerSettings::oidc(issuer, audiences)
    };
    IssuerSettings {
        algorithms: vec![Algorithm::Es256],
        groups_claims: vec![ClaimPath::parse(groups_claim(issuer)).unwrap()],
        scopes_claims: vec![ClaimPath::parse(scopes_claim(issuer)).unwrap()],
        trust_email: trusts_email(issuer),
        // It is not read: the keys are given.
        key_location: KeyLocation::JwksFile("keys".into()),
        ..defaults
    }
}

fn keys(key: &EcdsaKeyPair, issuer: &str) -> FixedKeys {
    // The point without compression: 4, then the coordinates (SEC 1 section 2.3.3).
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let coordinate = |bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let key_use = if issuer == WORKLOADS { "jwt-svid" } else { "sig" };
    let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "a", "use": key_use, "x": coordinate(x), "y": coordinate(y)});
    FixedKeys(json!({"keys": [jwk]}).to_string().into_bytes())
}

/// A time in milliseconds since 1970.
pub(super) fn instant(milliseconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds)
}
