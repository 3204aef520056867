//! The rules that a pattern of `claims` can break.

use thiserror::Error;

/// The rule that a pattern breaks: the rest of a sentence that begins with the pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum ClaimPatternError {
    #[error("has a '*' and is longer than 1,024 bytes")]
    TooLong,
    #[error("has '**' before its end: '**' stands for the rest of the value; use '*' within a segment")]
    RestBeforeEnd,
    #[error("has more than two '*' together; a literal '*' is written '\\*'")]
    StarsTogether,
    #[error("has a '\\' that is not before a '*' or a '\\'; a literal '\\' is written '\\\\'")]
    Backslash,
}
