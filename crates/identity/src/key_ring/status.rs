//! What an operator should know of an issuer's keys.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{KeyRing, Origin};

/// The state of one issuer's keys at one moment, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRingStatus {
    /// How many keys are loaded; 0 before the first good fetch, unless there is a file to start with.
    pub keys: usize,
    /// The time since the last good fetch; `None` before the first.
    pub age: Option<Duration>,
    /// Whether the keys may be used: there are some, and they are not too old.
    pub usable: bool,
    /// How many fetches gave a usable set.
    pub good_refreshes: u64,
    /// How many did not.
    pub failed_refreshes: u64,
    /// How many failed in a row up to now.
    pub failures_in_a_row: u32,
    /// Whether the file with the keys, as it was read last, holds the keys in use; `None` where keys are fetched from
    /// elsewhere, whatever file they began with.
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
