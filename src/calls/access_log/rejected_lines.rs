//! Limits the access lines of rejected proofs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The default of lines per second.
pub(crate) const DEFAULT_REJECTED_PER_SECOND: u32 = 100;

/// How often left-out lines are reported.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// [`RejectedLines::reported_at`] before the first report.
const NEVER: u64 = u64::MAX;

/// Limits the access lines of calls whose proof was rejected or that are over a limit, because a flood can cause them
/// as fast as the network allows.
///
/// The time is an argument; nothing waits.
#[derive(Debug)]
pub(crate) struct RejectedLines {
    per_second: u32,
    start: Instant,
    /// The current second since the start, in the upper 32 bits, and the lines written in it.
    window: AtomicU64,
    left_out: AtomicU64,
    unreported: AtomicU64,
    /// In milliseconds since the start.
    reported_at: AtomicU64,
}

impl RejectedLines {
    /// At most this many lines are written in each second after `start`; 0 for none.
    #[must_use]
    pub(crate) const fn new(per_second: u32, start: Instant) -> Self {
        Self {
            per_second,
            start,
            window: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
            unreported: AtomicU64::new(0),
            reported_at: AtomicU64::new(NEVER),
        }
    }

    /// The number of lines left out since the start.
    #[must_use]
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    /// Whether to write a line. If not, it is counted.
    pub(crate) fn admit(&self, now: Instant) -> bool {
        let second = now.saturating_duration_since(self.start).as_secs() << 32;
        let admitted = self.window.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |window| {
            // A new second is larger than the one before with any count. A thread that read the clock earlier counts in
            // the later second.
            let window = window.max(second);
            let written = window & u64::from(u32::MAX);
            (written < u64::from(self.per_second)).then_some(window + 1)
        });
        if admitted.is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            self.unreported.fetch_add(1, Ordering::Relaxed);
        }
        admitted.is_ok()
    }

    /// The number of lines left out since the last report, if another report is due. If lines are switched off, nothing
    /// is reported.
    pub(crate) fn report(&self, now: Instant) -> Option<u64> {
        // The usual case, at the end of every call.
        if self.unreported.load(Ordering::Relaxed) == 0 || self.per_second == 0 {
            return None;
        }
        let now = u64::try_from(now.saturating_duration_since(self.start).as_millis()).unwrap_or(NEVER);
        let last = self.reported_at.load(Ordering::Relaxed);
        let is_due = last == NEVER || u128::from(now.saturating_sub(last)) >= REPORT_INTERVAL.as_millis();
        let is_first = || self.reported_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        (is_due && is_first()).then(|| self.unreported.swap(0, Ordering::Relaxed))
    }
}

impl Default for RejectedLines {
    fn default() -> Self {
        Self::new(DEFAULT_REJECTED_PER_SECOND, Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(lines: &RejectedLines, now: Instant, calls: usize) -> usize {
        (0..calls).filter(|_| lines.admit(now)).count()
    }

    #[test]
    fn so_many_lines_are_written_in_each_second_and_the_rest_is_counted() {
        let start = Instant::now();
        let lines = RejectedLines::new(3, start);
        assert_eq!(admitted(&lines, start, 5), 3);
        assert_eq!(admitted(&lines, start + Duration::from_millis(999), 1), 0);
        assert_eq!(admitted(&lines, start + Duration::from_secs(1), 5), 3);
        // A thread that read the clock late.
        assert_eq!(admitted(&lines, start + Duration::from_millis(500), 1), 0);
        assert_eq!(admitted(&lines, start + Duration::from_secs(1_000), 2), 2);
        assert_eq!(lines.left_out(), 6);
    }

    #[test]
    fn an_episode_is_reported_at_its_start_then_at_most_every_ten_seconds_and_to_its_end() {
        let start = Instant::now();
        let lines = RejectedLines::new(1, start);
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(admitted(&lines, at(0), 1), 1);
        assert_eq!(lines.report(at(0)), None, "none was left out");
        assert_eq!(admitted(&lines, at(0), 2), 0);
        assert_eq!(lines.report(at(0)), Some(2));
        assert_eq!(admitted(&lines, at(5_000), 8), 1);
        assert_eq!(lines.report(at(9_999)), None, "too early");
        assert_eq!(lines.report(at(10_000)), Some(7));
        assert_eq!(lines.report(at(30_000)), None, "the episode is over");
    }

    #[test]
    fn without_any_line_everything_is_counted_and_nothing_reported() {
        let start = Instant::now();
        let lines = RejectedLines::new(0, start);
        assert_eq!(admitted(&lines, start, 4), 0);
        assert_eq!((lines.left_out(), lines.report(start)), (4, None));
    }

    #[test]
    fn threads_together_write_no_more_than_the_limit() {
        let start = Instant::now();
        let lines = RejectedLines::new(1_000, start);
        let written: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| admitted(&lines, start, 1_000))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((written, lines.left_out()), (1_000, 3_000));
    }
}
