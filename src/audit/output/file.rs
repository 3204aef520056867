//! A file of whole records, which is rotated when it is full.

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use thiserror::Error;

use super::rotated::{RotatedFiles, sync_folder};
use super::{Output, OutputError, ROOM, make_room};
use crate::audit::failure::AuditFailure;

/// Readable by the owner only: records say who reads and writes what.
const MODE: u32 = 0o600;

/// The file and its rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFileSettings {
    /// The file that is written.
    pub path: PathBuf,
    /// The file's maximum length in bytes. A single group of records that is longer gets its own file.
    pub rotate_size: u64,
    /// How many rotated files are kept.
    pub rotate_keep: usize,
}

/// Why a file cannot be used.
#[derive(Debug, Error)]
pub(crate) enum AuditFileError {
    /// It cannot be opened, or created.
    #[error("it cannot be opened for writing")]
    Unopenable(#[from] io::Error),
    /// It is a device, a pipe or a directory, which can be neither rotated nor truncated.
    #[error("it is not a regular file")]
    Irregular,
    /// Another process has locked it.
    #[error("another process writes to it")]
    InUse,
}

impl From<AuditFileError> for io::Error {
    fn from(error: AuditFileError) -> Self {
        match error {
            AuditFileError::Unopenable(source) => source,
            other => Self::other(other),
        }
    }
}

/// The file. It is locked (`flock`) for as long as this value lives: two processes would truncate each other's records.
#[derive(Debug)]
pub struct AuditFile {
    settings: AuditFileSettings,
    rotated: RotatedFiles,
    /// `None` after a failure that left an unknown tail. The file is then opened again.
    current: Option<OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    /// Whether the last line is incomplete, because its writer was stopped.
    torn: bool,
}

impl AuditFile {
    /// Opens the file, or creates it.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or another process has locked it.
    pub(crate) fn open(settings: &AuditFileSettings) -> Result<Self, AuditFileError> {
        let current = OpenFile::open(&settings.path)?;
        // Follow a link: its target is rotated, next to the target.
        let path = fs::canonicalize(&settings.path)?;
        let rotated = RotatedFiles::new(&path);
        Ok(Self { settings: AuditFileSettings { path, ..*settings }, rotated, current: Some(current) })
    }

    /// The file to append to: the one at the path, with room for this many bytes.
    fn current(&mut self, bytes: usize) -> Result<&mut OpenFile, OutputError> {
        let path = &self.settings.path;
        // The file may have been moved or removed. Lines written to a file without a name are lost.
        let current = match self.current.take().filter(|current| current.is_at(path)) {
            Some(current) => current,
            None => OpenFile::open(path).map_err(|error| AuditFailure::Open.into_error()(error.into()))?,
        };
        let length = current.length().map_err(AuditFailure::Open.into_error())?;
        let full = length > 0 && length.saturating_add(bytes as u64) > self.settings.rotate_size;
        let current = if full { self.rotate(current)? } else { current };
        Ok(self.current.insert(current))
    }

    /// Rotates the file. The next file is created before the first is renamed, so that a directory that is full or
    /// read-only changes nothing.
    fn rotate(&mut self, full: OpenFile) -> Result<OpenFile, OutputError> {
        let path = &self.settings.path;
        let next_path = with_ending(path, ".next");
        let rotated = OpenFile::create_anew(&next_path).map_err(io::Error::from).and_then(|next| {
            let aside = self.rotated.next_name(SystemTime::now())?;
            fs::rename(path, &aside)?;
            fs::rename(&next_path, path).inspect_err(|_| {
                // If this fails too, the next group finds no file, and creates one.
                let _back_if_possible = fs::rename(&aside, path);
            })?;
            sync_folder(path)?;
            Ok(next)
        });
        match rotated {
            Ok(next) => {
                // Close it, which unlocks it, only when its successor is in place.
                drop(full);
                if let Err(error) = self.rotated.remove_all_but(self.settings.rotate_keep) {
                    tracing::warn!(%error, "removing old audit files failed");
                }
                Ok(next)
            }
            Err(error) => {
                let _nothing_there = fs::remove_file(&next_path);
                self.current = Some(full);
                Err(AuditFailure::Rotate.into_error()(error))
            }
        }
    }
}

impl Output for AuditFile {
    fn append(&mut self, lines: &[u8]) -> Result<Option<Duration>, OutputError> {
        let current = self.current(lines.len())?;
        let before = current.length().map_err(AuditFailure::Write.into_error())?;
        let result = current.append(lines);
        // Truncate what the failed write left. If that fails, the tail is unknown: open the file again next time.
        if result.is_err() && current.file.set_len(before).is_err() {
            self.current = None;
        }
        result.map(Some)
    }

    fn attempt(&mut self) -> Result<(), OutputError> {
        let current = self.current(ROOM)?;
        make_room(&current.file).map_err(AuditFailure::Write.into_error())?;
        // This detects a disk that hangs.
        current.file.sync_data().map_err(AuditFailure::Sync.into_error())
    }
}

impl OpenFile {
    fn open(path: &Path) -> Result<Self, AuditFileError> {
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).mode(MODE).open(path)?;
        let opened = Self::locked(file)?;
        // A new file is durable only if its directory entry is.
        sync_folder(path)?;
        if opened.torn {
            tracing::warn!(
                "last audit record in the file is invalid: it is incomplete, and the next record starts a new line"
            );
        }
        Ok(opened)
    }

    fn create_anew(path: &Path) -> Result<Self, AuditFileError> {
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).mode(MODE).open(path)?;
        let created = Self::locked(file)?;
        // An interrupted rotation can leave a file here, without a complete record.
        created.file.set_len(0)?;
        Ok(Self { torn: false, ..created })
    }

    fn locked(file: File) -> Result<Self, AuditFileError> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(AuditFileError::Irregular);
        }
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => AuditFileError::InUse,
            TryLockError::Error(error) => error.into(),
        })?;
        let mut last = [b'\n'];
        if let Some(offset) = metadata.len().checked_sub(1) {
            file.read_exact_at(&mut last, offset)?;
        }
        Ok(Self { file, torn: last != [b'\n'] })
    }

    /// Whether a path still names this file.
    fn is_at(&self, path: &Path) -> bool {
        match (self.file.metadata(), fs::metadata(path)) {
            (Ok(own), Ok(named)) => (own.dev(), own.ino()) == (named.dev(), named.ino()),
            _ => false,
        }
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Appends and syncs, and returns the duration of the sync.
    fn append(&mut self, lines: &[u8]) -> Result<Duration, OutputError> {
        if self.torn {
            self.file.write_all(b"\n").map_err(AuditFailure::Write.into_error())?;
        }
        self.file.write_all(lines).map_err(AuditFailure::Write.into_error())?;
        let started = Instant::now();
        self.file.sync_data().map_err(AuditFailure::Sync.into_error())?;
        self.torn = false;
        Ok(started.elapsed())
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}
