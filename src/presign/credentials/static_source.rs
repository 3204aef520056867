//! Credentials from files or environment variables that the configuration names.

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError as ProviderError;
use aws_credential_types::provider::{ProvideCredentials, Result as ProviderResult, future};
use thiserror::Error;
use tokio::io::AsyncReadExt;
use zeroize::Zeroizing;

/// The largest secret that is read, in bytes. Session tokens have no stated limit; AWS's are below 2 KiB.
const MAX_SECRET_BYTES: u64 = 16 * 1024;
/// How often files are read before a rotation that never settles is reported.
const MAX_READS: usize = 5;

/// Looks up an environment variable.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Where a secret is, not the secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The name of an environment variable.
    EnvironmentVariable(String),
    /// The path of a file.
    File(PathBuf),
}

/// Access keys in files or environment variables, read anew at every refresh, so that a rotated file is picked up.
///
/// White space around a value is dropped: editors and `echo` end files with a line feed.
#[derive(Clone)]
pub struct StaticCredentialsSource {
    access_key_id: SecretSource,
    secret_access_key: SecretSource,
    session: Option<SessionSource>,
    environment: Environment,
}

/// What temporary credentials have beside their access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSource {
    /// The session token.
    pub token: SecretSource,
    /// When the credentials end, as RFC 3339 in UTC: `2026-01-31T12:00:00Z`. Without it no URL could say when it stops
    /// working.
    pub expiration: SecretSource,
}

impl StaticCredentialsSource {
    /// Names the sources and gives the environment to look into. Nothing is read yet.
    #[must_use]
    pub fn new(
        access_key_id: SecretSource,
        secret_access_key: SecretSource,
        session: Option<SessionSource>,
        environment: Environment,
    ) -> Self {
        Self { access_key_id, secret_access_key, session, environment }
    }

    async fn load(&self) -> ProviderResult {
        let mut values = self.read_all().await.map_err(ProviderError::provider_error)?;
        for _ in 1..MAX_READS {
            let again = self.read_all().await.map_err(ProviderError::provider_error)?;
            if again == values {
                return values.into_credentials().map_err(ProviderError::provider_error);
            }
            values = again;
        }
        Err(ProviderError::provider_error(SecretSourceError::Changing))
    }

    /// One pass over the sources. Files are not replaced together, so that one pass may see an old id with a new
    /// secret; two passes that agree do not.
    async fn read_all(&self) -> Result<Values, SecretSourceError> {
        Ok(Values {
            access_key_id: self.read(&self.access_key_id).await?,
            secret_access_key: self.read(&self.secret_access_key).await?,
            session: match &self.session {
                Some(session) => Some((self.read(&session.token).await?, self.read(&session.expiration).await?)),
                None => None,
            },
        })
    }

    async fn read(&self, source: &SecretSource) -> Result<Zeroizing<String>, SecretSourceError> {
        let text = match source {
            SecretSource::EnvironmentVariable(name) => {
                Zeroizing::new((self.environment)(name).ok_or_else(|| SecretSourceError::VariableNotSet(name.clone()))?)
            }
            SecretSource::File(path) => read_file(path).await?,
        };
        match text.trim() {
            "" => Err(SecretSourceError::Empty(source.clone())),
            value => Ok(Zeroizing::new(value.to_owned())),
        }
    }
}

impl ProvideCredentials for StaticCredentialsSource {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}

impl fmt::Debug for StaticCredentialsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticCredentialsSource")
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &self.secret_access_key)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// Why a secret could not be read. The text names the place, never the content.
#[derive(Debug, Error)]
pub enum SecretSourceError {
    /// The variable is not set, or not in UTF-8.
    #[error("environment variable {0} is not set")]
    VariableNotSet(String),
    /// The file cannot be read, or is not in UTF-8.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// Over 16 KiB, which no secret is.
    #[error("{} is larger than 16 KiB", .0.display())]
    TooLarge(PathBuf),
    /// Nothing but white space.
    #[error("{0:?} is empty")]
    Empty(SecretSource),
    /// Not a time.
    #[error("the expiration is not a time such as 2026-01-31T12:00:00Z")]
    Expiration,
    /// The sources changed between every two reads.
    #[error("the credentials keep changing while they are read")]
    Changing,
}

#[derive(PartialEq)]
struct Values {
    access_key_id: Zeroizing<String>,
    secret_access_key: Zeroizing<String>,
    /// Token and expiration.
    session: Option<(Zeroizing<String>, Zeroizing<String>)>,
}

impl Values {
    fn into_credentials(self) -> Result<Credentials, SecretSourceError> {
        let (token, expiry) = match self.session {
            Some((token, expiration)) => {
                let expiry = humantime::parse_rfc3339(&expiration).map_err(|_| SecretSourceError::Expiration)?;
                (Some(token.to_string()), Some(expiry))
            }
            None => (None, None),
        };
        let (id, key) = (self.access_key_id.as_str(), self.secret_access_key.as_str());
        Ok(Credentials::new(id, key, token, expiry, "StaticCredentialsSource"))
    }
}

async fn read_file(path: &Path) -> Result<Zeroizing<String>, SecretSourceError> {
    let failed = |source| SecretSourceError::File { path: path.to_owned(), source };
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    // Room for all of it from the start: a string that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(1 + 16 * 1024));
    let read = file.take(MAX_SECRET_BYTES + 1).read_to_string(&mut text).await.map_err(failed)?;
    if u64::try_from(read).is_ok_and(|read| read <= MAX_SECRET_BYTES) {
        Ok(text)
    } else {
        Err(SecretSourceError::TooLarge(path.to_owned()))
    }
}
