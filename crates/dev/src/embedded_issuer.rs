//! A small OIDC issuer inside the process, whose tokens are shaped like those of a Cognito user pool.

mod endpoints;
mod issued_tokens;
#[cfg(test)]
mod tests;
mod token_request;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use super::issuer_keys::SigningKey;
use super::loopback_server::{self, LoopbackServer};
use super::users;
use access_broker_base::clock::Clock;
pub use issued_tokens::IssuedTokens;
use issued_tokens::TokenTimes;

/// The app client that every token is for: `aud` of ID tokens, `client_id` of access tokens.
pub const CLIENT_ID: &str = "access-broker-dev";

/// The default lifetime of tokens.
pub(crate) const DEFAULT_TOKEN_LIFETIME: Duration = Duration::from_hours(1);

/// The longest lifetime of a token; the shortest is one second.
pub(crate) const MAX_TOKEN_LIFETIME: Duration = Duration::from_hours(24);

/// Options of [`EmbeddedIssuer::start`].
#[derive(Clone)]
pub struct EmbeddedIssuerOptions {
    /// The loopback address to listen on. Port 0 selects a free port.
    pub address: SocketAddr,
    /// The clock for the times in tokens.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for EmbeddedIssuerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedIssuerOptions").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A running issuer, over plain HTTP on loopback. Dropping it stops it.
///
/// It asks for no password: only a broker that is configured to trust it accepts its tokens.
#[derive(Debug)]
pub struct EmbeddedIssuer {
    issuer: Arc<TokenIssuer>,
    server: LoopbackServer,
}

impl EmbeddedIssuer {
    /// Generates a signing key and starts to serve discovery, keys and tokens.
    ///
    /// # Errors
    ///
    /// When the address is not a loopback address or is in use, or the key cannot be generated.
    pub async fn start(options: EmbeddedIssuerOptions) -> anyhow::Result<Self> {
        let EmbeddedIssuerOptions { address, clock } = options;
        let listener = loopback_server::bind(address).await.context("cannot start the embedded issuer")?;
        let url = format!("http://{}", listener.local_addr().context("cannot read the address of the issuer")?);
        let key =
            tokio::task::spawn_blocking(SigningKey::generate).await.context("generating the issuer's key failed")??;
        let issuer = Arc::new(TokenIssuer { url, key, clock });
        let server = LoopbackServer::start(listener, endpoints::router(Arc::clone(&issuer)))?;
        Ok(Self { issuer, server })
    }

    /// The address it listens on, with the actual port.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// `iss` of every token, without a trailing slash.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer.url
    }

    /// `aud` of every ID token.
    #[must_use]
    pub const fn client_id(&self) -> &'static str {
        CLIENT_ID
    }

    /// The public keys, as served.
    #[must_use]
    pub fn jwks(&self) -> &Value {
        self.issuer.key.jwks()
    }

    /// Signs tokens for one of [`USERS`](super::USERS), as the token endpoint does.
    ///
    /// # Errors
    ///
    /// When the user is unknown, or the lifetime is not between one second and 24 hours.
    pub fn issue(&self, user_name: &str, lifetime: Duration) -> anyhow::Result<IssuedTokens> {
        self.issuer.issue(user_name, lifetime)
    }

    /// Signs any claims with the issuer's key, so that a test can make invalid tokens.
    ///
    /// # Errors
    ///
    /// When the key cannot sign.
    pub fn sign_claims(&self, claims: &Value) -> anyhow::Result<String> {
        self.issuer.key.sign(claims)
    }

    /// Stops: requests in flight have two seconds to finish, then their connections are closed.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }
}

/// Signs tokens; the server is separate.
struct TokenIssuer {
    url: String,
    key: SigningKey,
    clock: Arc<dyn Clock>,
}

impl TokenIssuer {
    fn issue(&self, user_name: &str, lifetime: Duration) -> anyhow::Result<IssuedTokens> {
        let user =
            users::find(user_name).with_context(|| format!("unknown user; the known users are {}", users::names()))?;
        let times = TokenTimes::new(self.clock.now(), lifetime)?;
        IssuedTokens::sign(&self.key, &self.url, user, times)
    }
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuer").field("url", &self.url).field("key", &self.key).finish_non_exhaustive()
    }
}
