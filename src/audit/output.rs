//! Where lines go.

mod file;
mod rotated;
mod stdout;

use std::io;
use std::time::Duration;

pub use file::{AuditFile, AuditFileError, AuditFileSettings};
pub(super) use stdout::StandardOutput;

use super::failure::AuditFailure;

/// Takes whole lines. Used by one thread alone, which waits for it.
pub(super) trait Output: Send + 'static {
    /// Appends lines so that they are kept, and says how long the sync took if there was one. After an error none of the
    /// lines counts, and what was written of them is taken back, or closed off before the next line.
    fn append(&mut self, lines: &[u8]) -> Result<Option<Duration>, OutputError>;
}

/// Why lines are not known to be kept.
#[derive(Debug)]
pub(super) struct OutputError {
    pub(super) failure: AuditFailure,
    pub(super) source: io::Error,
}

impl AuditFailure {
    /// An error of this cause.
    pub(super) fn of(self) -> impl FnOnce(io::Error) -> OutputError {
        move |source| OutputError { failure: self, source }
    }
}
