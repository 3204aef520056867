//! Why credentials could not be loaded.

use std::error::Error as _;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError as ProviderError;
use thiserror::Error;

use super::default_chain::ChainFailure;
use super::origin::CredentialsOrigin;
use access_broker_base::error_chain::error_chain;

/// Why credentials could not be loaded. The texts are for logs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CredentialsError {
    /// The provider timed out.
    #[error("the credentials provider timed out after {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// The provider failed, with its error text.
    ///
    /// A text, and not the error as a source: its `Debug` output can hold the answer of a metadata service with the
    /// secret.
    #[error("the credentials provider failed: {0}")]
    Provider(String),
    /// The access key id or the secret is empty.
    #[error("the credentials lack an access key id or a secret access key")]
    Incomplete,
    /// The access key id or the session token cannot be part of a URL.
    #[error("the access key id and the session token must be visible ASCII")]
    Malformed,
    /// Temporary credentials whose provider does not say when they expire. A URL signed by them would stop working
    /// before its stated expiry.
    #[error(
        "the credentials have a session token and no expiry, so the expiry of URLs is unknown; AWS's profile files cannot \
         state one for copied keys: use the SSO profile itself, a credential_process, [[credentials]] with an expiration, \
         or the environment variable AWS_CREDENTIAL_EXPIRATION"
    )]
    UnknownExpiry,
    /// They have expired, or expire too soon to sign anything.
    #[error("the credentials have expired or expire too soon")]
    Expired,
    /// An error with its source, such as "profile `work`".
    #[error("{origin}: {error}")]
    WithOrigin {
        /// The source of the credentials.
        origin: String,
        /// The error of that source.
        error: Box<Self>,
    },
}

impl CredentialsError {
    /// Adds the source, if it is known.
    pub(super) fn with_source(self, origin: Option<&CredentialsOrigin>) -> Self {
        match origin {
            Some(origin) => Self::WithOrigin { origin: origin.to_string(), error: Box::new(self) },
            None => self,
        }
    }
}

impl From<ProviderError> for CredentialsError {
    fn from(error: ProviderError) -> Self {
        let failure = error.source().and_then(|source| source.downcast_ref::<ChainFailure>());
        Self::Provider(failure.map_or_else(|| error_chain(&error), ToString::to_string))
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
