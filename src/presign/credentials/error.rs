//! Why credentials could not be had.

use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError as ProviderError;
use thiserror::Error;

use crate::error_chain::error_chain;

/// Why credentials could not be loaded. The texts are for logs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CredentialsError {
    /// The provider took too long.
    #[error("the credentials provider gave no answer within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// The provider failed, in its words.
    ///
    /// Text instead of a source: the `Debug` output of a provider's error can hold the answer of a metadata service,
    /// and with it the secret.
    #[error("the credentials provider failed: {0}")]
    Provider(String),
    /// No provider is configured.
    #[error("no credentials provider is configured")]
    NoProvider,
    /// The access key id or the secret is empty.
    #[error("the credentials lack an access key id or a secret access key")]
    Incomplete,
    /// The access key id or the session token cannot be part of a URL.
    #[error("the access key id and the session token must be visible ASCII")]
    Malformed,
    /// Temporary credentials whose provider does not say when they end. A URL signed by them would die before its
    /// stated expiry.
    #[error("the credentials have a session token and no expiry, so that no URL's end could be told")]
    EndUnknown,
    /// Too close to their end, or past it, to sign anything.
    #[error("the credentials have expired or are about to")]
    Expired,
}

impl From<ProviderError> for CredentialsError {
    fn from(error: ProviderError) -> Self {
        Self::Provider(error_chain(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_chain_is_in_the_text() {
        let cause = std::io::Error::other("connection refused");
        let error = CredentialsError::from(ProviderError::provider_error(cause));
        assert!(error.to_string().starts_with("the credentials provider failed: "));
        assert!(error.to_string().ends_with(": connection refused"), "{error}");
    }
}
