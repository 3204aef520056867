//! Keys from a file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::http::without_byte_order_mark;
use super::{KeyDocument, KeySource, KeySourceError};
use crate::keys::MAX_KEY_DOCUMENT_BYTES;
use access_broker_base::files::{FileError, SettledFiles, UnusableFile};

/// Reads the key document from a file, at each fetch, so that a replaced file takes effect without a restart.
#[derive(Debug)]
pub(crate) struct JwksFileKeySource {
    file: Arc<SettledFiles>,
}

impl JwksFileKeySource {
    /// Takes the path, which is opened only when keys are fetched, and how long a file must stay unchanged after a
    /// change in place.
    #[must_use]
    pub(crate) fn new(path: PathBuf, settle: Duration) -> Self {
        Self { file: Arc::new(SettledFiles::new(vec![path], MAX_KEY_DOCUMENT_BYTES, settle)) }
    }
}

#[async_trait]
impl KeySource for JwksFileKeySource {
    async fn fetch(&self) -> Result<KeyDocument, KeySourceError> {
        let files = self.file.read().await.map_err(|error| match error {
            UnusableFile { problem: FileError::TooLarge(_), .. } => KeySourceError::TooLarge,
            error => KeySourceError::File(error),
        })?;
        let bytes = files.into_iter().next().map(|file| file.content.to_vec()).unwrap_or_default();
        Ok(KeyDocument { bytes: without_byte_order_mark(bytes), max_age: None })
    }

    fn is_file(&self) -> bool {
        true
    }
}
