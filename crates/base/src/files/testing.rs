//! Helpers for tests of files, in this crate and in the crates that depend on it.
#![expect(clippy::unwrap_used, reason = "a test ends where its files cannot be written")]
#![allow(clippy::missing_panics_doc, reason = "a test ends where its files cannot be written")]

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{Digest, FileId, FileSnapshot, Observation};

/// A read of a file that was written at that time and not changed since.
#[must_use]
pub fn look(inode: u64, content: &[u8], modified: SystemTime) -> FileSnapshot {
    let id = FileId::new("/policy.toml", inode);
    let content = zeroize::Zeroizing::new(content.to_vec());
    FileSnapshot { content, id, modified: Some(modified), touched_since_written: false }
}

/// What `sha256sum` prints of a content.
#[must_use]
pub fn sha256_in_hex(content: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content.as_bytes());
    crate::hex::lower_hex(digest.as_ref())
}

/// Replaces a file in one step, by one that was written long ago.
pub fn replace(path: &Path, content: &[u8]) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    let hour_ago = SystemTime::now() - Duration::from_hours(1);
    fs::File::options().write(true).open(&new).unwrap().set_modified(hour_ago).unwrap();
    fs::rename(new, path).unwrap();
}

/// A file that was written under another name.
#[must_use]
pub fn moved(inode: u64, content: &str) -> Observation {
    sight("/policy.toml", inode, content, true)
}

/// A file that may have been written under this name.
#[must_use]
pub fn created(inode: u64, content: &str) -> Observation {
    sight("/policy.toml", inode, content, false)
}

/// A file with all that a read finds.
#[must_use]
pub fn sight(path: &str, inode: u64, content: &str, touched_since_written: bool) -> Observation {
    Observation::File {
        id: FileId::new(path, inode),
        digest: Digest::sha256(content.as_bytes()),
        touched_since_written,
    }
}
