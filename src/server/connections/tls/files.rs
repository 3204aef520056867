//! The TLS files of a listener, at one time.

use std::path::Path;
use std::time::Duration;

use super::error::{FileProblem, TlsError};
use crate::config::TlsSettings;
use access_broker_base::files::{self, FileError, FileSnapshot, Observation, UnusableFile, at_start};

/// The maximum file size, in bytes: a chain has a few certificates, a bundle of authorities some hundred.
const MAX_FILE_BYTES: usize = 1_024 * 1_024;

pub(super) struct TlsFiles<'s> {
    pub(super) certificate: PemFile<'s>,
    pub(super) private_key: PemFile<'s>,
    pub(super) client_ca: Option<PemFile<'s>>,
}

pub(super) struct PemFile<'s> {
    pub(super) path: &'s Path,
    look: FileSnapshot,
}

/// The paths, in the order in which the files are read.
fn paths(settings: &TlsSettings) -> Vec<&Path> {
    let TlsSettings { certificate_file, private_key_file, client_ca_file, .. } = settings;
    [Some(certificate_file), Some(private_key_file), client_ca_file.as_ref()]
        .into_iter()
        .flatten()
        .map(std::path::PathBuf::as_path)
        .collect()
}

/// Reads each file once. During a rotation, the contents may be of different age.
pub(super) fn read_all(settings: &TlsSettings) -> Vec<Result<FileSnapshot, FileError>> {
    paths(settings).into_iter().map(|path| files::read(path, MAX_FILE_BYTES)).collect()
}

impl<'s> TlsFiles<'s> {
    /// Reads the files at start; see [`at_start`].
    pub(super) fn read_at_start(settings: &'s TlsSettings, settle: Duration) -> Result<Self, TlsError> {
        let reads = at_start::read_all(&paths(settings), MAX_FILE_BYTES, settle)?;
        Self::from_reads(settings, reads.into_iter().map(Ok))
    }

    /// The contents that were read. [`ProvenConfig`](super::ProvenConfig) checks whether they match.
    pub(super) fn from_reads(
        settings: &'s TlsSettings,
        reads: impl IntoIterator<Item = Result<FileSnapshot, FileError>>,
    ) -> Result<Self, TlsError> {
        let mut reads = reads.into_iter();
        let mut next = |path: &'s Path| {
            let look = reads.next().unwrap_or(Err(FileError::Absent));
            look.map(|look| PemFile { path, look })
                .map_err(|problem| TlsError::from(UnusableFile { file: path.to_owned(), problem }))
        };
        Ok(Self {
            certificate: next(&settings.certificate_file)?,
            private_key: next(&settings.private_key_file)?,
            client_ca: settings.client_ca_file.as_deref().map(next).transpose()?,
        })
    }

    /// What a tracker records of them.
    pub(super) fn sights(&self) -> Vec<Observation> {
        let all = [Some(&self.certificate), Some(&self.private_key), self.client_ca.as_ref()];
        all.into_iter().flatten().map(|file| Observation::from_read(&Ok(file.look.clone()))).collect()
    }
}

impl PemFile<'_> {
    pub(super) fn content(&self) -> &[u8] {
        &self.look.content
    }

    pub(super) fn refuse(&self, problem: FileProblem) -> TlsError {
        TlsError::in_file(self.path, problem)
    }
}
