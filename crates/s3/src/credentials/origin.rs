//! Which source gave credentials.

use std::fmt;
use std::sync::Arc;

use aws_credential_types::Credentials;

/// The source of credentials, for logs: "profile `work`", "environment". It is stored as a property of the credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CredentialsOrigin(Arc<str>);

impl CredentialsOrigin {
    pub(crate) fn new(source: &str) -> Self {
        Self(source.into())
    }

    pub(crate) fn mark(self, mut credentials: Credentials) -> Credentials {
        credentials.set_property(self);
        credentials
    }

    /// The source of marked credentials.
    pub(crate) fn from_credentials(credentials: &Credentials) -> Option<Self> {
        credentials.get_property::<Self>().cloned()
    }
}

impl fmt::Display for CredentialsOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
