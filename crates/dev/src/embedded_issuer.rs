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

/// How long tokens are valid unless asked otherwise.
pub(crate) const DEFAULT_TOKEN_LIFETIME: Duration = Duration::from_hours(1);

/// The longest that a token can be valid; the shortest is one second.
pub(crate) const MAX_TOKEN_LIFETIME: Duration = Duration::from_hours(24);

/// What [`EmbeddedIssuer::start`] needs to know.
#[derive(Clone)]
pub struct EmbeddedIssuerOptions {
    /// Where to listen: a loopback address, port 0 for a free one.
    pub address: SocketAddr,
    /// Dates the tokens.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for EmbeddedIssuerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedIssuerOptions").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A running issuer, over plain HTTP on loopback. Dropping it stops it.
///
/// It asks for no password: its tokens are worth something only to a broker that was told to trust it.
#[derive(Debug)]
pub struct EmbeddedIssuer {
    issuer: Arc<TokenIssuer>,
    server: LoopbackServer,
}

impl EmbeddedIssuer {
    /// Makes a signing key and starts to serve discovery, keys and tokens.
    ///
    /// # Errors
    ///
    /// When the address is not a loopback address or is taken, or no key can be made.
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

    /// The address it listens on, with the port that was taken.
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
    /// When there is no such user, or the lifetime is not between one second and 24 hours.
    pub fn issue(&self, user_name: &str, lifetime: Duration) -> anyhow::Result<IssuedTokens> {
        self.issuer.issue(user_name, lifetime)
    }

    /// Signs any claims with the issuer's key: tokens that a test wants to be wrong in one point.
    ///
    /// # Errors
    ///
    /// When the key cannot sign.
    pub fn sign_claims(&self, claims: &Value) -> anyhow::Result<String> {
        self.issuer.key.sign(claims)
    }

    /// Stops: answers under way have two seconds to finish, then they are cut.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }
}

/// What signs, apart from how it is reached.
struct TokenIssuer {
    url: String,
    key: SigningKey,
    clock: Arc<dyn Clock>,
}

impl TokenIssuer {
    fn issue(&self, user_name: &str, lifetime: Duration) -> anyhow::Result<IssuedTokens> {
        let user = users::find(user_name).with_context(|| format!("the known users are {}", users::names()))?;
        let times = TokenTimes::new(self.clock.now(), lifetime)?;
        IssuedTokens::sign(&self.key, &self.url, user, times)
    }
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuer").field("url", &self.url).field("key", &self.key).finish_non_exhaustive()
    }
}
