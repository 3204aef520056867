//! The tokens of one sign-in.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use aws_lc_rs::rand;
use serde::Serialize;
use serde_json::json;
use uuid::Builder;

use super::{CLIENT_ID, MAX_TOKEN_LIFETIME};
use crate::issuer_keys::SigningKey;
use crate::users::User;

/// The answer of the token endpoint (RFC 6749 section 5.1, and `id_token` of OIDC Core section 3.1.3.3).
#[derive(Clone, Serialize)]
pub struct IssuedTokens {
    /// Identifies the user: `aud`, `email`, `cognito:groups`, `token_use` "id".
    pub id_token: String,
    /// Authorizes the client: `client_id`, `scope`, no `aud`, no `email`, `token_use` "access".
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// How long both are valid, in seconds.
    pub expires_in: u64,
}

impl fmt::Debug for IssuedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedTokens").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

impl IssuedTokens {
    pub(super) fn sign(key: &SigningKey, issuer: &str, user: &User, times: TokenTimes) -> anyhow::Result<Self> {
        let TokenTimes { issued_at, lifetime } = times;
        let expires_at = issued_at + lifetime;
        let id_token = key.sign(&json!({
            "iss": issuer,
            "sub": user.subject,
            "aud": CLIENT_ID,
            "token_use": "id",
            "auth_time": issued_at,
            "iat": issued_at,
            "exp": expires_at,
            "jti": random_uuid()?,
            "cognito:username": user.name,
            "cognito:groups": user.groups,
            "email": user.email,
            "email_verified": true,
        }))?;
        let access_token = key.sign(&json!({
            "iss": issuer,
            "sub": user.subject,
            "client_id": CLIENT_ID,
            "token_use": "access",
            "auth_time": issued_at,
            "iat": issued_at,
            "exp": expires_at,
            "jti": random_uuid()?,
            "username": user.name,
            "cognito:groups": user.groups,
            "scope": "openid email",
            "version": 2,
        }))?;
        Ok(Self { id_token, access_token, token_type: "Bearer", expires_in: lifetime })
    }
}

/// The time of issue and the lifetime of tokens, in whole seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct TokenTimes {
    issued_at: u64,
    lifetime: u64,
}

impl TokenTimes {
    pub(super) fn new(now: SystemTime, lifetime: Duration) -> anyhow::Result<Self> {
        let allowed = Duration::from_secs(1)..=MAX_TOKEN_LIFETIME;
        anyhow::ensure!(
            allowed.contains(&lifetime),
            "a token's lifetime must be from 1 to {} seconds",
            MAX_TOKEN_LIFETIME.as_secs()
        );
        let issued_at = now.duration_since(UNIX_EPOCH).context("the clock is set before 1970")?.as_secs();
        Ok(Self { issued_at, lifetime: lifetime.as_secs() })
    }
}

fn random_uuid() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).context("random numbers are unavailable for a token id")?;
    Ok(Builder::from_random_bytes(bytes).into_uuid().to_string())
}
