//! The operations that a policy permits.

use std::fmt;

/// An operation on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Reads it and its headers.
    Download,
    /// Writes it.
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
