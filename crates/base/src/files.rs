//! Reads files that other programs write, and decides when a changed content is used.
//!
//! A file may be read while it is being written. So a content is not used after one read:
//!
//! - a file that was replaced (by a rename, or by a symbolic link with a new target) is used after two equal reads,
//!   [`REREAD_DELAY`] apart;
//! - a file that was changed in place is used once all reads of the time `settle` were equal;
//! - at start, a file that was written less than `settle` ago is read twice, an older one once.
//!
//! [`Tracker`] decides this for files that are read periodically, [`SettledFiles`] for files that are read when their
//! content is needed, and [`at_start`] for the first read.

mod arrivals;
pub mod at_start;
mod checksum;
mod read;
mod settled;
mod tracker;

use std::time::Duration;

pub use arrivals::{Arrival, Arrivals};
pub use checksum::{Checksum, ChecksumProblem};
pub use read::{Digest, FileError, FileId, FileSnapshot, read};
pub use settled::SettledFiles;
pub use tracker::{ChangeMethod, FilesState, Observation, Tracker};

/// The time between the two reads that must be equal.
pub const REREAD_DELAY: Duration = Duration::from_millis(500);

/// The default of `settle`: how long a file that was changed in place must stay unchanged.
pub const DEFAULT_SETTLE: Duration = Duration::from_secs(10);

/// A file that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} {problem}", crate::invisible::made_visible(&file.display().to_string()))]
pub struct UnusableFile {
    /// As configured, with symbolic links not followed.
    pub file: std::path::PathBuf,
    /// Worded to follow the file's name.
    pub problem: FileError,
}

#[cfg(any(test, feature = "test-util"))]
pub mod testing;
#[cfg(test)]
mod tests;
