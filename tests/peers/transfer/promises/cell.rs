//! What a server does with one promise or one attack, in a word or two.

use std::fmt;

use crate::transfer::clients::HttpAnswer;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    /// The promise holds.
    Kept,
    /// The server answered that all is well, and the promise does not hold.
    NotKept,
    /// What was not promised was refused.
    Refused,
    /// What was not promised was done.
    Taken,
    /// What was not promised was taken, and had no effect.
    Ignored,
    /// What was promised was refused, or the server failed.
    Error(u16),
    /// The server cannot be asked.
    NotAsked,
    /// The server keeps one version of an object.
    NoVersions,
}

impl Cell {
    pub(super) const fn kept(holds: bool) -> Self {
        if holds { Self::Kept } else { Self::NotKept }
    }

    /// Of an answer to a request that must be refused, if it does what it asked for where it is not.
    pub(super) fn of_deviation(answer: &HttpAnswer) -> Self {
        match answer.status {
            200..300 => Self::Taken,
            400..500 => Self::Refused,
            other => Self::Error(other),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept => formatter.write_str("kept"),
            Self::NotKept => formatter.write_str("**not kept**"),
            Self::Refused => formatter.write_str("refused"),
            Self::Taken => formatter.write_str("**taken**"),
            Self::Ignored => formatter.write_str("ignored"),
            Self::NoVersions => formatter.write_str("no versions"),
            Self::NotAsked => formatter.write_str("not asked"),
            Self::Error(status) => write!(formatter, "error {status}"),
        }
    }
}
