//! That nothing of a proof is in the log, not even a piece of it.

use std::collections::HashSet;

const PIECE: usize = 24;

/// Every piece of a log.
pub(super) struct LoggedPieces<'a>(HashSet<&'a [u8]>);

impl<'a> LoggedPieces<'a> {
    pub(super) fn of(log: &'a str) -> Self {
        Self(log.as_bytes().windows(PIECE).collect())
    }

    /// Fails if a piece of a value was logged.
    pub(super) fn assert_lack(&self, case: &str, value: &[u8]) {
        let leaked = value.windows(PIECE).find(|piece| self.0.contains(piece));
        assert_eq!(leaked.map(String::from_utf8_lossy), None, "{case}: a piece of what was sent is in the log");
    }
}
