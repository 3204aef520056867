//! What callers may be allowed to do.

use std::fmt;

/// What can be done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Read it and its headers.
    Download,
    /// Write it.
    Upload,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 2] = [Self::Download, Self::Upload];

    /// The name used in policy files and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Upload => "upload",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
