//! When keys are fetched.

use std::ops::RangeInclusive;
use std::time::Duration;

use access_broker_base::pacing::Doubling;

/// The limits of the time between two fetches, for the source's and the configuration's value.
pub(crate) const REFRESH_INTERVAL_LIMITS: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(1);

/// The delays after failures in a row.
const RETRIES: Doubling = Doubling { first: Duration::from_secs(1), limit: Duration::from_mins(1) };

/// The delay after a successful fetch: that of the source, or else the interval, within the limits.
pub(super) fn refresh_delay(interval: Duration, max_age: Option<Duration>) -> Duration {
    max_age.unwrap_or(interval).clamp(*REFRESH_INTERVAL_LIMITS.start(), *REFRESH_INTERVAL_LIMITS.end())
}

/// The delay after this number of failures in a row: 1 second, doubled each time, at most 60.
pub(super) fn retry_delay(failures: u32) -> Duration {
    RETRIES.after(failures)
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
        let delays = [1, 2, 3, 6, 7, 8, u32::MAX].map(|failures| retry_delay(failures).as_secs());
        assert_eq!(delays, [1, 2, 4, 32, 60, 60, 60]);
    }
}
