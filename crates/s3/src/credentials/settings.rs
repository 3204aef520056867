//! Where credentials come from, as the configuration says.

use super::static_source::{SecretSource, SessionSource};

/// Who signs for a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsSettings {
    /// What AWS's default chain finds: environment, profile, web identity, container, instance.
    DefaultChain,
    /// Keys in files or environment variables.
    Static {
        /// What the configuration calls them.
        name: String,
        /// Read anew at every refresh.
        access_key_id: SecretSource,
        /// Read anew at every refresh.
        secret_access_key: SecretSource,
        /// What temporary keys have beside these.
        session: Option<SessionSource>,
    },
}

/// What AWS's default chain is called where it stands beside `[[credentials]]`, which must have other names.
pub const DEFAULT_CHAIN_NAME: &str = "default-chain";

impl CredentialsSettings {
    /// The name by which operators know the credentials: that of the `[[credentials]]`, or `default-chain`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::DefaultChain => DEFAULT_CHAIN_NAME,
            Self::Static { name, .. } => name,
        }
    }

    /// Whether the configuration names a file for a part of them.
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

    /// Whether both come from the same place, under whatever names.
    #[must_use]
    pub fn has_keys_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::DefaultChain, Self::DefaultChain) => true,
            (Self::Static { access_key_id: id, .. }, Self::Static { access_key_id: other, .. }) => id == other,
            _ => false,
        }
    }
}
