//! Where lines go.

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

/// Takes whole lines. Used by one thread alone, which waits for it.
pub(super) trait Output: Send + 'static {
    /// Appends lines so that they are kept, and says how long the sync took if there was one. After an error none of the
    /// lines counts, and what was written of them is taken back, or closed off before the next line.
    fn append(&mut self, lines: &[u8]) -> Result<Option<Duration>, OutputError>;

    /// Finds out whether lines could be kept now, as far as that can be known, and leaves nothing to read.
    fn attempt(&mut self) -> Result<(), OutputError>;
}

/// Room for a few records of usual length.
const ROOM: usize = 16 * 1_024;

/// Makes sure that there is room behind the end of a file, without making it longer. Where the file system cannot tell,
/// there is.
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

/// Why lines are not known to be kept.
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
