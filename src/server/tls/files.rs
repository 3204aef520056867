//! The files of a listener's TLS, as they are at one time.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use zeroize::Zeroizing;

use super::error::{FileProblem, TlsError};
use crate::config::TlsSettings;

/// The largest file that is read, in bytes: a chain has a few certificates, a bundle of authorities some hundred.
const MAX_FILE_BYTES: u64 = 1_024 * 1_024;

/// The content of the files. It is zeroed on drop, because one of them is a key.
pub(super) struct TlsFiles<'s> {
    pub(super) certificate: PemFile<'s>,
    pub(super) private_key: PemFile<'s>,
    pub(super) client_ca: Option<PemFile<'s>>,
}

/// One file.
pub(super) struct PemFile<'s> {
    pub(super) path: &'s Path,
    pub(super) content: Zeroizing<Vec<u8>>,
}

/// What tells one content of the files from another. It stands for the content, so that the text of the key need not be
/// kept.
#[derive(PartialEq, Eq)]
pub(super) struct Fingerprint(Box<[u8]>);

impl<'s> TlsFiles<'s> {
    /// Reads each file once. During a rotation the contents may be of different age; whether they fit is for
    /// [`ProvenConfig`](super::ProvenConfig) to tell.
    pub(super) fn read(settings: &'s TlsSettings) -> Result<Self, TlsError> {
        Ok(Self {
            certificate: PemFile::read(&settings.certificate_file)?,
            private_key: PemFile::read(&settings.private_key_file)?,
            client_ca: settings.client_ca_file.as_deref().map(PemFile::read).transpose()?,
        })
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut context = Context::new(&SHA256);
        for file in [Some(&self.certificate), Some(&self.private_key), self.client_ca.as_ref()].into_iter().flatten() {
            // With the lengths between them, no two sets of files make the same input.
            context.update(&file.content.len().to_be_bytes());
            context.update(&file.content);
        }
        Fingerprint(context.finish().as_ref().into())
    }
}

impl<'s> PemFile<'s> {
    fn read(path: &'s Path) -> Result<Self, TlsError> {
        let content = read(path).map_err(|problem| TlsError::in_file(path, problem))?;
        Ok(Self { path, content })
    }

    /// The error that this file has a problem.
    pub(super) fn refuse(&self, problem: FileProblem) -> TlsError {
        TlsError::in_file(self.path, problem)
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileProblem> {
    let unreadable = |error: std::io::Error| FileProblem::Unreadable(error.kind());
    // Opening a FIFO would wait for its writer, and reading a device might never end.
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(FileProblem::NotAFile);
    }
    // Room for all of it from the start: a buffer that grows leaves copies behind.
    let room = metadata.len().min(MAX_FILE_BYTES) + 1;
    let mut content = Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or_default()));
    let read = File::open(path).map_err(unreadable)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut content);
    let is_too_large = read.map_err(unreadable)? as u64 > MAX_FILE_BYTES;
    if is_too_large { Err(FileProblem::TooLarge) } else { Ok(content) }
}
