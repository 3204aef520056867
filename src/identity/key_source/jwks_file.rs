//! Keys from a file.

use std::io;
use std::path::PathBuf;

use async_trait::async_trait;

use super::{KeyDocument, KeySource, KeySourceError, small_file};

/// Reads the key document from a file, anew at every fetch, so that a replaced file takes effect without a restart.
#[derive(Debug)]
pub struct JwksFileKeySource {
    path: PathBuf,
}

impl JwksFileKeySource {
    /// Takes the path, which is opened only when keys are fetched.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

#[async_trait]
impl KeySource for JwksFileKeySource {
    async fn fetch(&self) -> Result<KeyDocument, KeySourceError> {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || small_file::read(&path)).await;
        let bytes = read.unwrap_or_else(|error| Err(error.into())).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => KeySourceError::TooLarge,
            _ => KeySourceError::File(error),
        })?;
        Ok(KeyDocument { bytes, max_age: None })
    }
}
