//! The state of a sink, for metrics and readiness.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::failure::AuditFailure;
use super::outage::Outage;

/// Counts since the start. Reading them never blocks.
#[derive(Debug, Default)]
pub struct AuditStatus {
    records: AtomicU64,
    bytes: AtomicU64,
    groups: AtomicU64,
    failures: [AtomicU64; AuditFailure::ALL.len()],
    queued: AtomicI64,
    /// Records that the writer has taken from the queue.
    held: AtomicU64,
    last_sync_nanoseconds: AtomicU64,
    stalled: AtomicBool,
    /// Locked briefly, once per group of records.
    outage: Mutex<Outage>,
}

impl AuditStatus {
    /// Records that are stored.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// Their length in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How often a group of records was written and synced.
    #[must_use]
    pub fn groups(&self) -> u64 {
        self.groups.load(Ordering::Relaxed)
    }

    /// Records that were not confirmed when their call had to be answered, by cause. Those of
    /// [`AuditFailure::TimedOut`] may be stored later, and then also count as [`records`](Self::records).
    #[must_use]
    pub(crate) fn failures(&self, cause: AuditFailure) -> u64 {
        self.failures.get(cause as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Records in the queue.
    #[must_use]
    pub(crate) fn queue_length(&self) -> u64 {
        // A removal may be counted before its insertion.
        u64::try_from(self.queued.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Records whose result is unknown: those in the queue, and those being written.
    pub(super) fn unwritten(&self) -> u64 {
        self.queue_length().saturating_add(self.held.load(Ordering::Relaxed))
    }

    /// The duration of the last sync; `None` before the first, and for outputs without sync.
    #[must_use]
    pub fn last_sync(&self) -> Option<Duration> {
        let nanoseconds = self.last_sync_nanoseconds.load(Ordering::Relaxed);
        (nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds))
    }

    /// Whether writing is too slow: from the first record that timed out, until a group is written in time.
    #[must_use]
    pub(crate) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    /// Whether records cannot be stored, or this is unknown: two groups or attempts in a row failed, a record timed
    /// out, or nothing was tried yet.
    #[must_use]
    pub(crate) fn is_refusing(&self) -> bool {
        self.is_stalled() || self.outage().is_refusing()
    }

    /// Whether only an attempt can show that records can be stored again.
    #[must_use]
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.is_stalled() || self.outage().is_in_doubt()
    }

    /// How many outages came back right after a successful attempt, since records were last stored.
    pub(super) fn relapses(&self) -> u32 {
        self.outage().relapses()
    }

    fn outage(&self) -> MutexGuard<'_, Outage> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note_queued(&self) {
        self.queued.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note_taken(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
        self.held.fetch_add(1, Ordering::Relaxed);
    }

    /// A group was stored, in time for its answers or not. Returns whether that ends a stall.
    pub(super) fn note_kept(&self, records: usize, bytes: usize, sync: Option<Duration>, in_time: bool) -> bool {
        self.held.fetch_sub(records as u64, Ordering::Relaxed);
        self.records.fetch_add(records as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.groups.fetch_add(1, Ordering::Relaxed);
        if let Some(sync) = sync {
            let nanoseconds = u64::try_from(sync.as_nanos()).unwrap_or(u64::MAX);
            self.last_sync_nanoseconds.store(nanoseconds.max(1), Ordering::Relaxed);
        }
        if in_time {
            self.outage().records_kept();
            self.stalled.swap(false, Ordering::Relaxed)
        } else {
            self.outage().records_late();
            false
        }
    }

    pub(super) fn note_group_failed(&self, cause: AuditFailure, records: usize) {
        self.held.fetch_sub(records as u64, Ordering::Relaxed);
        self.note_failed(cause, records);
        self.outage().failed();
    }

    /// An attempt without records succeeded or failed.
    pub(super) fn note_attempt(&self, succeeded: bool) {
        if succeeded {
            self.outage().attempt_succeeded();
            self.stalled.store(false, Ordering::Relaxed);
        } else {
            self.outage().failed();
        }
    }

    pub(super) fn note_failed(&self, cause: AuditFailure, records: usize) {
        if let Some(count) = self.failures.get(cause as usize) {
            count.fetch_add(records as u64, Ordering::Relaxed);
        }
    }

    /// A record timed out. Returns whether it is the first of a stall.
    pub(super) fn note_stalled(&self) -> bool {
        !self.stalled.swap(true, Ordering::Relaxed)
    }
}
