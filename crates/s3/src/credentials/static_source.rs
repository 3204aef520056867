//! Credentials from configured files or environment variables.

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError as ProviderError;
use aws_credential_types::provider::{ProvideCredentials, Result as ProviderResult, future};
use thiserror::Error;
use zeroize::Zeroizing;

use access_broker_base::files::{DEFAULT_SETTLE, FileError, FileSnapshot, SettledFiles, UnusableFile};

/// The largest secret, in bytes. Session tokens have no stated limit; AWS's are below 2 KiB.
const MAX_SECRET_BYTES: usize = 16 * 1024;
/// How often variables that keep changing are read before an error.
const MAX_READS: usize = 5;

/// Looks up an environment variable.
pub type ReadEnv = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The location of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The name of an environment variable.
    EnvironmentVariable(String),
    /// A file, whose content is used without surrounding white space.
    File(PathBuf),
}

/// Access keys in files or environment variables, read again at each refresh, so that a rotation is noticed.
///
/// White space around a value is removed: editors and `echo` end files with a line feed.
#[derive(Clone)]
pub(crate) struct StaticCredentialsSource {
    access_key_id: SecretSource,
    secret_access_key: SecretSource,
    session: Option<SessionSource>,
    environment: ReadEnv,
    /// All sources that are files. They are a set, whose contents are used only together.
    files: Arc<SettledFiles>,
}

/// The further parts of temporary credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSource {
    /// In URLs as `X-Amz-Security-Token`.
    pub token: SecretSource,
    /// The expiry of the credentials, as RFC 3339 in UTC: `2026-01-31T12:00:00Z`. Without it the expiry of URLs would
    /// be unknown.
    pub expiration: SecretSource,
}

impl StaticCredentialsSource {
    /// Takes the locations and the environment. Does not read yet.
    #[must_use]
    pub(crate) fn new(
        access_key_id: SecretSource,
        secret_access_key: SecretSource,
        session: Option<SessionSource>,
        environment: ReadEnv,
    ) -> Self {
        let source = Self { access_key_id, secret_access_key, session, environment, files: files(&[], DEFAULT_SETTLE) };
        source.with_settle(DEFAULT_SETTLE)
    }

    /// Sets how long a file must stay unchanged after a change in place, before it is used.
    #[must_use]
    pub(crate) fn with_settle(self, settle: Duration) -> Self {
        let files = files(&self.sources(), settle);
        Self { files, ..self }
    }

    fn sources(&self) -> Vec<&SecretSource> {
        let session = self.session.iter().flat_map(|session| [&session.token, &session.expiration]);
        [&self.access_key_id, &self.secret_access_key].into_iter().chain(session).collect()
    }

    async fn load(&self) -> ProviderResult {
        let values = self.read().await.map_err(ProviderError::provider_error)?;
        values.into_credentials().map_err(ProviderError::provider_error)
    }

    /// Files are not replaced together, so one pass may read an old id with a new secret. Two equal passes,
    /// [`REREAD_DELAY`](access_broker_base::files::REREAD_DELAY) apart, prevent that.
    async fn read(&self) -> Result<Values, SecretSourceError> {
        let looks = self.files.read().await.map_err(|error| match error.problem {
            FileError::Changing => SecretSourceError::Changing,
            _ => SecretSourceError::File(error),
        })?;
        let mut values = self.values(&looks)?;
        for _ in 1..MAX_READS {
            let again = self.values(&looks)?;
            if again == values {
                return Ok(values);
            }
            values = again;
        }
        Err(SecretSourceError::Changing)
    }

    /// The values, from the current variables and from the files' contents.
    fn values(&self, looks: &[FileSnapshot]) -> Result<Values, SecretSourceError> {
        let mut looks = looks.iter();
        let mut value = |source: &SecretSource| self.value(source, &mut looks);
        Ok(Values {
            access_key_id: value(&self.access_key_id)?,
            secret_access_key: value(&self.secret_access_key)?,
            session: match &self.session {
                Some(session) => Some((value(&session.token)?, value(&session.expiration)?)),
                None => None,
            },
        })
    }

    /// `looks` are in the order of the sources that are files.
    fn value<'l>(
        &self,
        source: &SecretSource,
        looks: &mut impl Iterator<Item = &'l FileSnapshot>,
    ) -> Result<Zeroizing<String>, SecretSourceError> {
        let variable;
        let text = match source {
            SecretSource::EnvironmentVariable(name) => {
                let found = (self.environment)(name).ok_or_else(|| SecretSourceError::VariableNotSet(name.clone()))?;
                variable = Zeroizing::new(found);
                variable.as_str()
            }
            SecretSource::File(path) => {
                let unusable = |problem| SecretSourceError::File(UnusableFile { file: path.clone(), problem });
                let look = looks.next().ok_or_else(|| unusable(FileError::Absent))?;
                str::from_utf8(&look.content).map_err(|_| unusable(FileError::NotText))?
            }
        };
        match text.trim() {
            "" => Err(SecretSourceError::Empty(source.clone())),
            value => Ok(Zeroizing::new(value.to_owned())),
        }
    }
}

fn files(sources: &[&SecretSource], settle: Duration) -> Arc<SettledFiles> {
    let paths = sources.iter().filter_map(|source| match source {
        SecretSource::File(path) => Some(path.clone()),
        SecretSource::EnvironmentVariable(_) => None,
    });
    Arc::new(SettledFiles::new(paths.collect(), MAX_SECRET_BYTES, settle))
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

/// Why a secret could not be read. The text has the location, never the content.
#[derive(Debug, Error)]
pub(crate) enum SecretSourceError {
    /// The variable is not set, or not in UTF-8.
    #[error("environment variable {0} is not set")]
    VariableNotSet(String),
    /// The file cannot be read, is not in UTF-8, or is over 16 KiB.
    #[error(transparent)]
    File(#[from] UnusableFile),
    /// The value is empty or white space.
    #[error("{0:?} is empty")]
    Empty(SecretSource),
    /// The expiration is not a time.
    #[error("the expiration is invalid: it must be a time such as 2026-01-31T12:00:00Z")]
    Expiration,
    /// Each read had another content.
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
