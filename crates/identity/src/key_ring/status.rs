//! The state of an issuer's keys, for metrics.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{KeyRing, Origin};

/// The state of one issuer's keys at one moment, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRingStatus {
    /// The number of loaded keys; 0 before the first successful fetch, unless a file with initial keys was read.
    pub keys: usize,
    /// The time since the last successful fetch; `None` before the first.
    pub age: Option<Duration>,
    /// Whether the keys may be used: they are loaded and not too old.
    pub usable: bool,
    /// The number of fetches with a usable set.
    pub good_refreshes: u64,
    /// The number of other fetches.
    pub failed_refreshes: u64,
    /// The number of failures since the last successful fetch.
    pub failures_in_a_row: u32,
    /// Whether the key file, as it was last read, holds the active keys; `None` if keys are fetched from a server, also
    /// with initial keys from a file.
    pub file_in_force: Option<bool>,
}

impl KeyRing {
    /// The state of the keys.
    #[must_use]
    pub fn status(&self) -> KeyRingStatus {
        let loaded = self.loaded.load();
        let loaded = loaded.as_ref();
        let failures = self.fetching.borrow().failures();
        KeyRingStatus {
            keys: loaded.map_or(0, |loaded| loaded.set.len()),
            age: loaded.filter(|loaded| loaded.origin == Origin::Fetched).map(|loaded| loaded.at.elapsed()),
            usable: self.is_ready(),
            good_refreshes: self.good_refreshes.load(Ordering::Relaxed),
            failed_refreshes: self.failed_refreshes.load(Ordering::Relaxed),
            failures_in_a_row: failures,
            file_in_force: self.source.is_file().then_some(loaded.is_some() && failures == 0),
        }
    }
}
