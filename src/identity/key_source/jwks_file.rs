//! Keys from a file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::{KeyDocument, KeySource, KeySourceError};
use crate::identity::keys::MAX_KEY_DOCUMENT_BYTES;

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
        let read = tokio::task::spawn_blocking(move || read(&path)).await;
        let bytes = read.map_err(|error| KeySourceError::File(io::Error::other(error)))??;
        Ok(KeyDocument { bytes, max_age: None })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, KeySourceError> {
    // Opening a FIFO would wait for its writer, and reading a device might never end.
    if !fs::metadata(path).map_err(KeySourceError::File)?.is_file() {
        return Err(KeySourceError::File(io::ErrorKind::InvalidInput.into()));
    }
    let limit = MAX_KEY_DOCUMENT_BYTES as u64;
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(KeySourceError::File)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(KeySourceError::File)?;
    if bytes.len() > MAX_KEY_DOCUMENT_BYTES { Err(KeySourceError::TooLarge) } else { Ok(bytes) }
}
