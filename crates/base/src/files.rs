//! Files that others write: how they are read, and when a changed content counts.
//!
//! A file may be read while its writer is in the middle of it. So no content counts because it was seen once:
//!
//! - a file that was replaced by another one (by rename, or by a symbolic link that now leads elsewhere) counts after two
//!   equal reads, [`SECOND_LOOK`] apart;
//! - a file that was changed in place counts once it was the same in every look for as long as `settle`;
//! - at start, a file that was written less than `settle` ago is read twice, an older one once.
//!
//! [`Tracker`] decides this for files that are looked at again and again, [`SettledFiles`] for files that are read when
//! their content is needed, and [`at_start`] for the first read.

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
pub use tracker::{Sight, Standing, Tracker, Writing};

/// The time between the two reads that must be equal.
pub const SECOND_LOOK: Duration = Duration::from_millis(500);

/// How long a file that was changed in place must be unchanged, unless it is set.
pub const DEFAULT_SETTLE: Duration = Duration::from_secs(10);

/// A file and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} {problem}", file.display())]
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
