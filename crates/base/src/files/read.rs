//! One bounded read of a regular file.

use std::fmt;
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use rustix::fs::OFlags;
use thiserror::Error;
use zeroize::Zeroizing;

/// The SHA-256 of a content. It is kept instead of the content, which may be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Hashes a content.
    #[must_use]
    pub fn sha256(content: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, content).as_ref());
        Self(bytes)
    }

    /// Takes a known SHA-256.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Identifies a file, after symbolic links were followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileId {
    real_path: PathBuf,
    device: u64,
    inode: u64,
    /// The time of creation: a file system may reuse the number of a removed inode. `None` where it does not keep that
    /// time.
    born: Option<SystemTime>,
}

impl FileId {
    /// Whether the same path now leads to another file path: a symbolic link was changed.
    #[must_use]
    pub(crate) fn has_other_target(&self, now: &Self) -> bool {
        self.real_path != now.real_path
    }

    /// Whether it is the same file, under any path.
    #[must_use]
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode, self.born) == (other.device, other.inode, other.born)
    }

    /// The path of the file, after symbolic links were followed.
    #[must_use]
    pub fn real_path(&self) -> &Path {
        &self.real_path
    }

    #[cfg(any(test, feature = "test-util"))]
    pub(crate) fn new(real_path: &str, inode: u64) -> Self {
        Self { real_path: real_path.into(), device: 1, inode, born: None }
    }
}

/// What one read found.
#[derive(Clone)]
pub struct FileSnapshot {
    /// The content. It is zeroed on drop, because it may be a key.
    pub content: Zeroizing<Vec<u8>>,
    /// After symbolic links were followed.
    pub id: FileId,
    /// When the content was last written, by the clock of the file system.
    pub modified: Option<SystemTime>,
    /// Whether the file was changed after its content was last written, for instance renamed.
    pub touched_since_written: bool,
}

impl FileSnapshot {
    /// Hashes the content, again at each call.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::sha256(&self.content)
    }

    /// Whether the content was written less than `settle` before `now`, or after `now`.
    #[must_use]
    pub fn is_young(&self, now: SystemTime, settle: Duration) -> bool {
        let age = self.modified.and_then(|modified| now.duration_since(modified).ok());
        age.is_none_or(|age| age < settle)
    }
}

impl fmt::Debug for FileSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSnapshot").field("id", &self.id).field("modified", &self.modified).finish_non_exhaustive()
    }
}

/// Why a file cannot be used, worded to follow its name. The text has no part of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FileError {
    /// No file has that name.
    #[error("does not exist")]
    Absent,
    /// A symbolic link whose target does not exist.
    #[error("is a symbolic link to a file that does not exist")]
    DanglingLink,
    /// It has zero bytes.
    #[error("is empty")]
    Empty,
    /// The system refuses to open or read it.
    #[error("cannot be read: {0}")]
    Unreadable(io::ErrorKind),
    /// A part of its path cannot be searched or is not a directory, so whether the file exists is unknown.
    #[error("is in a directory that cannot be searched")]
    Unsearchable,
    /// A directory, a pipe or a device.
    #[error("is not a regular file")]
    NotRegular,
    /// Over the limit, in bytes.
    #[error("is larger than {}", size(*.0))]
    TooLarge(usize),
    /// The content is not UTF-8.
    #[error("is not valid UTF-8")]
    NotText,
    /// Two reads differ.
    #[error("is being changed; it is used once it stops changing")]
    Changing,
}

/// A size in the largest unit of which it is a multiple.
fn size(bytes: usize) -> String {
    const MIB: usize = 1_024 * 1_024;
    match bytes {
        bytes if bytes >= MIB && bytes.is_multiple_of(MIB) => format!("{} MiB", bytes / MIB),
        bytes if bytes >= 1_024 && bytes.is_multiple_of(1_024) => format!("{} KiB", bytes / 1_024),
        bytes => format!("{bytes} bytes"),
    }
}

/// Reads a regular file of at most `limit` bytes. Blocks on the file system.
///
/// # Errors
///
/// Every [`FileError`] but `Empty`, `Unsearchable`, `NotText` and `Changing`: an empty file is read as such.
pub fn read(path: &Path, limit: usize) -> Result<FileSnapshot, FileError> {
    // Opening a FIFO would wait for its writer, and reading a device might never return.
    check_is_regular(&fs::metadata(path).map_err(|error| problem(path, &error))?)?;
    let real_path = fs::canonicalize(path).map_err(|error| problem(path, &error))?;
    let open = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path);
    let file = open.map_err(|error| problem(path, &error))?;
    // Checked again: the path may lead to another file by now, even to a FIFO. This is the file that is read.
    let metadata = file.metadata().map_err(|error| problem(path, &error))?;
    check_is_regular(&metadata)?;
    // Allocated in full: a buffer that grows leaves copies of a secret in memory.
    let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX).min(limit);
    let mut content = Zeroizing::new(Vec::with_capacity(length + 1));
    let longest = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(longest).read_to_end(&mut content).map_err(|error| problem(path, &error))?;
    if content.len() > limit {
        return Err(FileError::TooLarge(limit));
    }
    let id = FileId { real_path, device: metadata.dev(), inode: metadata.ino(), born: metadata.created().ok() };
    let written = (metadata.mtime(), metadata.mtime_nsec());
    let touched_since_written = (metadata.ctime(), metadata.ctime_nsec()) > written;
    Ok(FileSnapshot { content, id, modified: metadata.modified().ok(), touched_since_written })
}

fn check_is_regular(metadata: &Metadata) -> Result<(), FileError> {
    if metadata.is_file() { Ok(()) } else { Err(FileError::NotRegular) }
}

fn problem(path: &Path, error: &io::Error) -> FileError {
    let is_link = || fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    match error.kind() {
        io::ErrorKind::NotFound if is_link() => FileError::DanglingLink,
        io::ErrorKind::NotFound => FileError::Absent,
        kind => FileError::Unreadable(kind),
    }
}
