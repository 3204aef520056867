//! Keys from a fixed URL.

use std::fmt;

use async_trait::async_trait;
use url::Url;

use super::{KeyDocument, KeyHttpClient, KeySource, KeySourceError};

/// Fetches the key document from a configured URL.
pub(crate) struct JwksUrlKeySource {
    url: Url,
    client: KeyHttpClient,
}

impl JwksUrlKeySource {
    /// Takes the URL of the key document.
    #[must_use]
    pub(crate) const fn new(url: Url, client: KeyHttpClient) -> Self {
        Self { url, client }
    }
}

#[async_trait]
impl KeySource for JwksUrlKeySource {
    async fn fetch(&self) -> Result<KeyDocument, KeySourceError> {
        self.client.get(&self.url, &self.url.origin()).await
    }
}

// Without the URL, because its query may hold a secret.
impl fmt::Debug for JwksUrlKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksUrlKeySource").finish_non_exhaustive()
    }
}
