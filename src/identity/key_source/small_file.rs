//! Files that are read anew at every fetch.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::identity::keys::MAX_KEY_DOCUMENT_BYTES;

/// Reads a regular file of at most [`MAX_KEY_DOCUMENT_BYTES`].
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a FIFO would wait for its writer, and reading a device might never end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let limit = MAX_KEY_DOCUMENT_BYTES as u64;
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_KEY_DOCUMENT_BYTES { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}
