//! How long to wait before the next attempt: longer after each failure, with jitter.

use std::time::Duration;

/// Delays that double with each failure in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubling {
    /// The delay after the first failure.
    pub first: Duration,
    /// The longest delay.
    pub limit: Duration,
}

impl Doubling {
    /// The delay after this number of failures in a row.
    #[must_use]
    pub fn after(self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.limit)
    }
}

/// Shortens or lengthens a delay by up to a tenth. `fraction` is from 0 (a tenth shorter) to 1 (a tenth longer).
#[must_use]
pub fn jittered(delay: Duration, fraction: f64) -> Duration {
    delay.mul_f64(0.9 + 0.2 * fraction.clamp(0.0, 1.0))
}

/// A random number from 0 to 1. If the random generator fails, it is a constant: jitter need not be secret.
#[must_use]
pub fn random_fraction() -> f64 {
    let mut bytes = [0; 4];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_limit() {
        let doubling = Doubling { first: Duration::from_secs(1), limit: Duration::from_mins(1) };
        let delays = [0, 1, 2, 3, 6, 7, 8, 32, 33, 34, u32::MAX].map(|failures| doubling.after(failures).as_secs());
        assert_eq!(delays, [1, 1, 2, 4, 32, 60, 60, 60, 60, 60, 60]);
        let endless = Doubling { limit: Duration::MAX, ..doubling };
        assert_eq!(endless.after(32).as_secs(), 1 << 31);
        assert!(endless.after(33) > endless.after(32));
    }

    #[test]
    fn jitter_is_a_tenth_either_way() {
        let delay = Duration::from_mins(10);
        assert_eq!(jittered(delay, 0.0), Duration::from_mins(9));
        assert_eq!(jittered(delay, 1.0), Duration::from_mins(11));
        assert_eq!(jittered(delay, 7.0), Duration::from_mins(11));
        for _ in 0..1_000 {
            assert!((0.0..=1.0).contains(&random_fraction()));
        }
    }
}
