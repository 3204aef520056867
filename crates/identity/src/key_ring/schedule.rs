//! When keys are fetched next.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The limits of the time between two fetches, whatever the source or the configuration says.
pub(crate) const REFRESH_INTERVAL_LIMITS: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(1);

const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);
const MAX_RETRY_DELAY: Duration = Duration::from_mins(1);

/// The delay after a fetch that succeeded: what the source says, else the interval, within the limits.
pub(super) fn refresh_delay(interval: Duration, max_age: Option<Duration>) -> Duration {
    max_age.unwrap_or(interval).clamp(*REFRESH_INTERVAL_LIMITS.start(), *REFRESH_INTERVAL_LIMITS.end())
}

/// The delay after so many failures in a row: 1 second, doubled each time, at most 60.
pub(super) fn retry_delay(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(6);
    FIRST_RETRY_DELAY.saturating_mul(1 << doublings).min(MAX_RETRY_DELAY)
}

/// Moves a delay by up to a tenth either way, so that many instances do not fetch in step. `fraction` is from 0 to 1.
pub(super) fn jittered(delay: Duration, fraction: f64) -> Duration {
    delay.mul_f64(0.9 + 0.2 * fraction.clamp(0.0, 1.0))
}

/// A number from 0 to 1.
pub(super) fn random_fraction() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness the delay is only not moved.
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
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

    #[test]
    fn jitter_is_a_tenth_either_way() {
        let delay = Duration::from_mins(10);
        assert_eq!(jittered(delay, 0.0), Duration::from_mins(9));
        assert_eq!(jittered(delay, 1.0), Duration::from_mins(11));
        for _ in 0..1_000 {
            assert!((0.0..=1.0).contains(&random_fraction()));
        }
    }
}
