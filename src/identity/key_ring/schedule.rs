//! When keys are fetched next.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::pacing::Doubling;

/// The limits of the time between two fetches, whatever the source or the configuration says.
pub(in crate::identity) const REFRESH_INTERVAL_LIMITS: RangeInclusive<Duration> =
    Duration::from_mins(1)..=Duration::from_hours(1);

/// The delays after failures in a row.
pub(super) const RETRY_DELAYS: Doubling = Doubling { first: Duration::from_secs(1), limit: Duration::from_mins(1) };

/// The delay after a fetch that succeeded: what the source says, else the interval, within the limits.
pub(super) fn refresh_delay(interval: Duration, max_age: Option<Duration>) -> Duration {
    max_age.unwrap_or(interval).clamp(*REFRESH_INTERVAL_LIMITS.start(), *REFRESH_INTERVAL_LIMITS.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_sets_the_delay_within_limits() {
        let interval = Duration::from_mins(10);
        assert_eq!(refresh_delay(interval, None), interval);
        for (max_age, delay) in [(0, 60), (59, 60), (61, 61), (3_600, 3_600), (3_601, 3_600), (u64::MAX, 3_600)] {
            assert_eq!(refresh_delay(interval, Some(Duration::from_secs(max_age))), Duration::from_secs(delay));
        }
    }

    #[test]
    fn retries_double_up_to_a_minute() {
        let delays = [1, 2, 3, 6, 7, 8, u32::MAX].map(|failures| RETRY_DELAYS.after(failures).as_secs());
        assert_eq!(delays, [1, 2, 4, 32, 60, 60, 60]);
    }
}
