//! Outputs for lines.

mod file;
mod rotated;
mod stdout;

use std::fs::File;
use std::io;
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

pub use file::{AuditFile, AuditFileSettings};
pub(super) use stdout::StandardOutput;

use super::failure::AuditFailure;

/// Takes whole lines. One thread uses it and may block.
pub(super) trait Output: Send + 'static {
    /// Appends lines durably, and returns the duration of the sync if there was one. After an error no line counts:
    /// what was written of them is removed, or the next line starts on a new line.
    fn append(&mut self, lines: &[u8]) -> Result<Option<Duration>, OutputError>;

    /// Tests whether lines could be written now, as far as that is possible, without leaving anything to read.
    fn attempt(&mut self) -> Result<(), OutputError>;
}

/// Room for a few records of usual length.
const ROOM: usize = 16 * 1_024;

/// Reserves room behind the end of a file, without making it longer. If the file system cannot reserve, there is room.
fn make_room(file: &File) -> io::Result<()> {
    let (length, room) = (file.metadata()?.len(), ROOM as u64);
    if getrlimit(Resource::Fsize).current.is_some_and(|longest| length.saturating_add(room) > longest) {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    match fallocate(file, FallocateFlags::KEEP_SIZE, length, room) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        made => Ok(made?),
    }
}

/// Why lines may not be stored.
#[derive(Debug)]
pub(super) struct OutputError {
    pub(super) failure: AuditFailure,
    pub(super) source: io::Error,
}

impl AuditFailure {
    /// For `map_err`.
    pub(super) fn into_error(self) -> impl FnOnce(io::Error) -> OutputError {
        move |source| OutputError { failure: self, source }
    }
}
