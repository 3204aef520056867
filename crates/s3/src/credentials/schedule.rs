//! When to read credentials again.

use std::time::Duration;

use access_broker_base::pacing::Doubling;

use super::snapshot::SIGNING_MARGIN;

/// Renewal begins this long before credentials stop covering the longest URL, so that failures can be retried.
const RETRY_SLACK: Duration = Duration::from_mins(5);
/// How often credentials without an expiry are read again, so that a rotation is noticed.
const REREAD_INTERVAL: Duration = Duration::from_mins(15);
/// The shortest time between two successful reads. A provider that keeps returning the same credentials is asked
/// increasingly often before they expire, but not more often than this.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(10);
/// The delays of retries after failures in a row.
const RETRIES: Doubling = Doubling { first: Duration::from_secs(1), limit: Duration::from_mins(1) };

/// How long to wait after a successful read.
///
/// `life` is how long the credentials were valid when they were read, `None` if they have no expiry. Renewal begins
/// while they still cover the longest URL, the signing margin and time for retries. If the time for which they cover
/// the longest URL and the margin is short, renewal begins at half of it. If `life` is too short for both, renewal
/// begins at half of `life`. `random`, from 0 to 1, makes it up to a tenth earlier, so that replicas do not ask at the
/// same time.
pub(super) fn until_renewal(life: Option<Duration>, longest_url_life: Duration, random: f64) -> Duration {
    let wait = life.map_or(REREAD_INTERVAL, |life| {
        let covering = life.saturating_sub(longest_url_life.saturating_add(SIGNING_MARGIN));
        if covering.is_zero() { life / 2 } else { covering.saturating_sub(RETRY_SLACK).max(covering / 2) }
    });
    spread(wait, random)
}

/// How long to wait after a read of stale credentials: half of their remaining time, at most a minute.
pub(super) fn until_renewal_of_stale(life: Duration, random: f64) -> Duration {
    spread((life / 2).min(RETRIES.limit), random)
}

fn spread(wait: Duration, random: f64) -> Duration {
    wait.mul_f64(1.0 - 0.1 * random.clamp(0.0, 1.0)).max(SHORTEST_INTERVAL)
}

/// How long to wait after this number of failures in a row: a random time between half and all of a delay that doubles
/// from 1 s to 60 s, and at least 1 s.
pub(super) fn until_retry(failures: u32, random: f64) -> Duration {
    RETRIES.after(failures).mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0)).max(RETRIES.first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn long_lived_credentials_are_renewed_while_they_cover_the_longest_url() {
        let seconds = |life, longest_url_life| until_renewal(Some(life), longest_url_life, 0.0).as_secs();
        // Five minutes and the margin earlier.
        assert_eq!(seconds(6 * HOUR, HOUR), 5 * 3_600 - 330);
        assert_eq!(seconds(6 * HOUR, MINUTE), 6 * 3_600 - 60 - 330);
        assert_eq!(seconds(6 * HOUR, 5 * HOUR), 3_600 - 330, "also when that is before half of it");
    }

    #[test]
    fn credentials_that_barely_cover_the_longest_url_are_renewed_before_they_no_longer_do() {
        let life = HOUR + SIGNING_MARGIN + 4 * MINUTE;
        assert_eq!(until_renewal(Some(life), HOUR, 0.0), 2 * MINUTE);
    }

    #[test]
    fn credentials_too_short_for_the_longest_url_are_renewed_at_half_of_their_life() {
        assert_eq!(until_renewal(Some(HOUR), 168 * HOUR, 0.0), HOUR / 2);
        assert_eq!(until_renewal(Some(HOUR), HOUR, 0.0), HOUR / 2);
        assert_eq!(until_renewal(Some(HOUR), Duration::MAX, 0.0), HOUR / 2);
    }

    #[test]
    fn stale_credentials_are_read_again_within_a_minute() {
        assert_eq!(until_renewal_of_stale(HOUR, 0.0), MINUTE);
        assert_eq!(until_renewal_of_stale(MINUTE, 0.0), MINUTE / 2);
        assert_eq!(until_renewal_of_stale(Duration::ZERO, 0.0), SHORTEST_INTERVAL);
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
        assert_eq!(until_retry(u32::MAX, 1.0), RETRIES.limit);
    }

    #[test]
    fn retries_are_spread_and_stay_within_their_bounds() {
        assert_eq!(until_retry(1, 0.0), RETRIES.first);
        assert_eq!(until_retry(4, 0.0), Duration::from_secs(4));
    }
}
