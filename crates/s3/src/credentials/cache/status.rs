//! The state of signing credentials, for metrics.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use super::CredentialsCache;
use crate::credentials::refresh_result::RefreshResult;

/// The state of one set of credentials at one moment, for metrics. It holds no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CredentialsStatus {
    /// The expiry of the active credentials, from their provider. `None`: they do not expire, or there are none.
    pub(crate) expiry: Option<SystemTime>,
    /// When the active credentials were loaded. `None`: there are none.
    pub(crate) loaded_at: Option<SystemTime>,
    /// The number of attempts by result.
    pub(crate) refreshes: [(RefreshResult, u64); RefreshResult::ALL.len()],
    /// Whether the last attempt returned the active credentials. False before the first attempt.
    pub(crate) last_refresh_is_good: bool,
    /// The number of answers whose URLs expire early because the credentials do.
    pub(crate) urls_cut: u64,
}

impl CredentialsCache {
    #[must_use]
    pub(crate) fn status(&self) -> CredentialsStatus {
        let snapshot = self.snapshot();
        CredentialsStatus {
            expiry: snapshot.as_ref().and_then(|held| held.expiry()),
            loaded_at: snapshot.as_ref().map(|held| held.loaded_at()),
            refreshes: self.counters.refreshes(),
            last_refresh_is_good: self.counters.last_is_good.load(Ordering::Relaxed),
            urls_cut: self.counters.urls_cut.load(Ordering::Relaxed),
        }
    }

    /// Counts an answer whose URLs expire early because the credentials do.
    pub(crate) fn note_url_cut(&self) {
        self.counters.urls_cut.fetch_add(1, Ordering::Relaxed);
    }

    /// When the last attempt began or, if it has ended, ended. `None`: there was none.
    pub(super) fn last_attempt(&self) -> Option<SystemTime> {
        self.last_attempt.load().as_deref().copied()
    }
}

/// Counters.
#[derive(Debug, Default)]
pub(super) struct Counters {
    renewed: AtomicU64,
    unchanged: AtomicU64,
    stale: AtomicU64,
    shortened: AtomicU64,
    extended: AtomicU64,
    failed: AtomicU64,
    last_is_good: AtomicBool,
    urls_cut: AtomicU64,
}

impl Counters {
    pub(super) fn count_refresh(&self, result: RefreshResult) {
        self.counter(result).fetch_add(1, Ordering::Relaxed);
        self.last_is_good.store(result != RefreshResult::Failed, Ordering::Relaxed);
    }

    fn refreshes(&self) -> [(RefreshResult, u64); RefreshResult::ALL.len()] {
        RefreshResult::ALL.map(|result| (result, self.counter(result).load(Ordering::Relaxed)))
    }

    /// The number of attempts that have ended, in any way.
    pub(super) fn attempts_ended(&self) -> u64 {
        self.refreshes().iter().map(|(_, count)| count).sum()
    }

    const fn counter(&self, result: RefreshResult) -> &AtomicU64 {
        match result {
            RefreshResult::Renewed => &self.renewed,
            RefreshResult::Unchanged => &self.unchanged,
            RefreshResult::Stale => &self.stale,
            RefreshResult::Shortened => &self.shortened,
            RefreshResult::Extended => &self.extended,
            RefreshResult::Failed => &self.failed,
        }
    }
}
