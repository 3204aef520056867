//! When to read credentials again.

use std::time::Duration;

/// Credentials are renewed at least this long before their end, if they live long enough.
const SHORTEST_LEAD: Duration = Duration::from_mins(5);
/// How often credentials without an end are read again, so that a rotated file is noticed.
const REREAD_INTERVAL: Duration = Duration::from_mins(15);
/// The shortest time between two successful reads. A provider that keeps giving the same credentials is asked more
/// and more often as their end comes near, but no more often than this.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(10);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_mins(1);

/// How long to wait after a successful read.
///
/// `life` is what was left of the credentials when they were read, `None` if they have no end. Renewal begins when what
/// is left no longer covers the longest URL, or at half of the life where the life is too short for that. `random`,
/// from 0 to 1, moves it up to a tenth earlier, so that replicas do not ask in step.
pub(super) fn until_renewal(life: Option<Duration>, longest_url_life: Duration, random: f64) -> Duration {
    let wait = life.map_or(REREAD_INTERVAL, |life| {
        let lead = longest_url_life.max(SHORTEST_LEAD);
        life.saturating_sub(lead).max(life / 2)
    });
    wait.mul_f64(1.0 - 0.1 * random.clamp(0.0, 1.0)).max(SHORTEST_INTERVAL)
}

/// How long to wait after the given number of failures in a row: doubling from 1 s to 60 s, and of that a random part
/// between half and all, but never under 1 s.
pub(super) fn until_retry(failures: u32, random: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(6);
    let step = (FIRST_RETRY * 2_u32.pow(doublings)).min(LONGEST_RETRY);
    step.mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0)).max(FIRST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn long_lived_credentials_are_renewed_while_they_cover_the_longest_url() {
        assert_eq!(until_renewal(Some(6 * HOUR), HOUR, 0.0), 5 * HOUR);
        assert_eq!(until_renewal(Some(6 * HOUR), MINUTE, 0.0), 355 * MINUTE);
    }

    #[test]
    fn short_lived_credentials_are_renewed_at_half_of_their_life() {
        assert_eq!(until_renewal(Some(HOUR), 168 * HOUR, 0.0), HOUR / 2);
        assert_eq!(until_renewal(Some(4 * MINUTE), MINUTE, 0.0), 2 * MINUTE);
    }

    #[test]
    fn credentials_without_an_end_are_read_every_quarter_of_an_hour() {
        assert_eq!(until_renewal(None, HOUR, 0.0), 15 * MINUTE);
    }

    #[test]
    fn jitter_only_moves_renewal_earlier() {
        assert_eq!(until_renewal(None, HOUR, 1.0), Duration::from_secs(810));
        assert_eq!(until_renewal(None, HOUR, 7.0), Duration::from_secs(810));
    }

    #[test]
    fn provider_is_never_asked_in_a_tight_loop() {
        assert_eq!(until_renewal(Some(Duration::ZERO), HOUR, 1.0), SHORTEST_INTERVAL);
    }

    #[test]
    fn retries_double_up_to_a_minute() {
        let waits: Vec<u64> = (1..=9).map(|failures| until_retry(failures, 1.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(until_retry(u32::MAX, 1.0), LONGEST_RETRY);
    }

    #[test]
    fn retries_are_spread_and_stay_within_their_bounds() {
        assert_eq!(until_retry(1, 0.0), FIRST_RETRY);
        assert_eq!(until_retry(4, 0.0), Duration::from_secs(4));
    }
}
