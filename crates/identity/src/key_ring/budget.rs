//! Limits the fetches that calls can cause.

use std::time::Duration;

use tokio::time::Instant;

/// The most fetches that calls can cause in a burst.
const BURST: u32 = 2;

/// The time after which calls can cause one more fetch.
pub(super) const REFILL: Duration = Duration::from_secs(30);

/// A token bucket: two fetches, and one more every 30 seconds, failed ones included. Any client can invent key ids and
/// signatures, and must not be able to make the broker flood the issuer.
///
/// It allows two fetches so that one invented token per interval does not delay the first token of a new key.
#[derive(Debug, Default)]
pub(super) struct FetchBudget {
    /// When the bucket is full again, if it is not.
    full_at: Option<Instant>,
}

impl FetchBudget {
    /// Takes one fetch, or returns when the next one is permitted.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let next = self.next_at(now);
        if next > now {
            return Err(next);
        }
        self.full_at = Some(self.full_at.map_or(now, |at| at.max(now)) + REFILL);
        Ok(())
    }

    /// When a fetch is permitted, at the earliest now.
    pub(super) fn next_at(&self, now: Instant) -> Instant {
        let spare = REFILL * (BURST - 1);
        self.full_at.and_then(|at| at.checked_sub(spare)).map_or(now, |at| at.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_two_fetches_and_one_more_each_thirty_seconds() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut budget = FetchBudget::default();
        assert_eq!(budget.take(start), Ok(()));
        assert_eq!(budget.take(start), Ok(()));
        assert_eq!(budget.take(start), Err(after(30)));
        assert_eq!(budget.take(after(29)), Err(after(30)));
        assert_eq!(budget.next_at(after(29)), after(30));
        assert_eq!(budget.take(after(30)), Ok(()));
        assert_eq!(budget.take(after(31)), Err(after(60)));
        // An hour without fetches gives no more than two.
        assert_eq!(budget.next_at(after(3_600)), after(3_600));
        assert_eq!(budget.take(after(3_600)), Ok(()));
        assert_eq!(budget.take(after(3_600)), Ok(()));
        assert_eq!(budget.take(after(3_601)), Err(after(3_630)));
    }

    #[test]
    fn a_flood_causes_one_fetch_each_thirty_seconds() {
        let start = Instant::now();
        let mut budget = FetchBudget::default();
        let taken = (0..36_000).filter(|tenth| budget.take(start + Duration::from_millis(tenth * 100)).is_ok());
        assert_eq!(taken.count(), 2 + 119);
    }
}
