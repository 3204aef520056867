//! What an operator should know of signing credentials.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use super::CredentialsCache;
use crate::credentials::refresh_result::RefreshResult;

/// The state of one set of credentials at one moment, for metrics. Nothing of it is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CredentialsStatus {
    /// The end of the credentials in force, as their provider states it. `None`: they have no end, or there are none.
    pub(crate) expiry: Option<SystemTime>,
    /// When the credentials in force came. `None`: there are none.
    pub(crate) loaded_at: Option<SystemTime>,
    /// How often asking the provider had each result.
    pub(crate) refreshes: [(RefreshResult, u64); RefreshResult::ALL.len()],
    /// Whether the provider, when it was asked last, gave the credentials in force. False before it was asked.
    pub(crate) last_refresh_is_good: bool,
    /// How many answers had URLs that end early, because the credentials do.
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

    /// Counts an answer whose URLs end early, because the credentials do.
    pub(crate) fn note_url_cut(&self) {
        self.counters.urls_cut.fetch_add(1, Ordering::Relaxed);
    }

    /// When the provider was last asked or, if later, answered. `None`: never.
    pub(super) fn last_attempt(&self) -> Option<SystemTime> {
        self.last_attempt.load().as_deref().copied()
    }
}

/// What is counted. Each count only ever grows.
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

    /// How often the provider was asked and has answered, failed or been given up.
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
