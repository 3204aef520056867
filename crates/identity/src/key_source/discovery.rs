//! Keys found through OIDC discovery.

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;
use url::Url;

use super::{KeyDocument, KeyHttpClient, KeySource, KeySourceError};
use crate::json;

/// The longest part of another issuer in an error, in characters.
const MOST_SHOWN: usize = 256;

/// Reads the issuer's discovery document, then the key document that its `jwks_uri` names
/// ([OIDC Discovery 1.0 sections 3 and 4](https://openid.net/specs/openid-connect-discovery-1_0.html)).
///
/// `jwks_uri` may be on another host, as it is for large providers. The same rules apply to it as to the issuer's URL.
pub(crate) struct DiscoveryKeySource {
    issuer: String,
    discovery_url: Url,
    client: KeyHttpClient,
}

impl DiscoveryKeySource {
    /// Takes the issuer as its tokens spell it.
    ///
    /// # Errors
    ///
    /// When the issuer is not a URL.
    pub(crate) fn new(issuer: &str, client: KeyHttpClient) -> Result<Self, url::ParseError> {
        // Section 4: a terminating slash goes before the well-known path is appended.
        let base = issuer.strip_suffix('/').unwrap_or(issuer);
        let discovery_url = Url::parse(&format!("{base}/.well-known/openid-configuration"))?;
        Ok(Self { issuer: issuer.to_owned(), discovery_url, client })
    }
}

#[async_trait]
impl KeySource for DiscoveryKeySource {
    async fn fetch(&self) -> Result<KeyDocument, KeySourceError> {
        let audience = self.discovery_url.origin();
        let discovery = self.client.get(&self.discovery_url, &audience).await?;
        let discovery = json::parse_object(&discovery.bytes).map_err(|_| KeySourceError::DiscoveryMalformed)?;
        let member = |name| discovery.get(name).and_then(Value::as_str).ok_or(KeySourceError::DiscoveryMalformed);
        // Section 4.3: the two must be identical, a trailing slash included.
        let issuer = member("issuer")?;
        if issuer != self.issuer {
            let found = issuer.chars().take(MOST_SHOWN).collect();
            return Err(KeySourceError::DiscoveryIssuerMismatch { configured: self.issuer.clone(), found });
        }
        let jwks_url = Url::parse(member("jwks_uri")?).map_err(|_| KeySourceError::DiscoveryMalformed)?;
        self.client.get(&jwks_url, &audience).await
    }
}

// Without the URL, because its query may hold a secret.
impl fmt::Debug for DiscoveryKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiscoveryKeySource").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
