//! The configured source of credentials.

use super::static_source::{SecretSource, SessionSource};

/// The source of a bucket's credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsSettings {
    /// AWS's default chain: environment, profile, web identity, container, instance.
    DefaultChain,
    /// Keys in files or environment variables.
    Static {
        /// Their name in the configuration.
        name: String,
        /// Read again at each refresh.
        access_key_id: SecretSource,
        /// Read again at each refresh.
        secret_access_key: SecretSource,
        /// For temporary keys.
        session: Option<SessionSource>,
    },
}

/// The name of AWS's default chain, which no `[[credentials]]` may have.
pub const DEFAULT_CHAIN_NAME: &str = "default-chain";

impl CredentialsSettings {
    /// The name of the credentials: that of the `[[credentials]]`, or `default-chain`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::DefaultChain => DEFAULT_CHAIN_NAME,
            Self::Static { name, .. } => name,
        }
    }

    /// Whether a part of them is read from a configured file.
    #[must_use]
    pub(crate) fn names_files(&self) -> bool {
        match self {
            Self::DefaultChain => false,
            Self::Static { access_key_id, secret_access_key, session, .. } => {
                let session = session.iter().flat_map(|session| [&session.token, &session.expiration]);
                let mut sources = [access_key_id, secret_access_key].into_iter().chain(session);
                sources.any(|source| matches!(source, SecretSource::File(_)))
            }
        }
    }

    /// Whether both have the same source, under any names.
    #[must_use]
    pub fn has_keys_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::DefaultChain, Self::DefaultChain) => true,
            (Self::Static { access_key_id: id, .. }, Self::Static { access_key_id: other, .. }) => id == other,
            _ => false,
        }
    }
}
