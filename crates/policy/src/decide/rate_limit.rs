//! A rate and its burst.

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

/// The largest number of a rate, in each unit.
pub(crate) const MAX_COUNT: u32 = 1_000_000;

const SECOND_NANOS: u64 = 1_000_000_000;

/// A burst at once, and one URL more for each period: the generic cell rate algorithm (ITU-T I.371, appendix A).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    period_nanos: NonZeroU64,
    burst: NonZeroU32,
}

impl RateLimit {
    /// Reads `100/s`, `600/m` or `1000/h`. The burst is the same number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (count, unit) = text.split_once('/')?;
        let unit = match unit {
            "s" => SECOND_NANOS,
            "m" => 60 * SECOND_NANOS,
            "h" => 3_600 * SECOND_NANOS,
            _ => return None,
        };
        let digits = !count.starts_with('0') && count.bytes().all(|byte| byte.is_ascii_digit());
        let count = count.parse().ok().filter(|count: &u32| digits && *count <= MAX_COUNT)?;
        let burst = NonZeroU32::new(count)?;
        // Not zero: a million per second is one per microsecond.
        Some(Self { period_nanos: NonZeroU64::new(unit / u64::from(count))?, burst })
    }

    /// The same rate with another burst.
    #[must_use]
    pub const fn with_burst(self, burst: NonZeroU32) -> Self {
        Self { burst, ..self }
    }

    /// The time between two URLs, in nanoseconds.
    #[must_use]
    pub const fn period_nanos(self) -> u64 {
        self.period_nanos.get()
    }

    /// How many URLs can be issued at once.
    #[must_use]
    pub const fn burst(self) -> NonZeroU32 {
        self.burst
    }

    /// How much earlier than its period a URL can be issued because of the burst, in nanoseconds.
    #[must_use]
    pub const fn tolerance_nanos(self) -> u64 {
        // At most a million hours: it fits.
        self.period_nanos().saturating_mul(self.burst.get() as u64 - 1)
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one per {:?}, {} at once", Duration::from_nanos(self.period_nanos()), self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_per_unit() {
        let limit = |text| RateLimit::parse(text).map(|limit| (limit.period_nanos(), limit.burst.get()));
        assert_eq!(limit("50/s"), Some((20_000_000, 50)));
        assert_eq!(limit("600/m"), Some((100_000_000, 600)));
        assert_eq!(limit("1/h"), Some((3_600_000_000_000, 1)));
        assert_eq!(limit("1000000/s"), Some((1_000, 1_000_000)));
        for text in [
            "",
            "50",
            "50/",
            "/s",
            "0/s",
            "05/s",
            "-1/s",
            "+1/s",
            "1.5/s",
            "50/d",
            "1000001/s",
            "50 /s",
            "99999999999/s",
        ] {
            assert_eq!(limit(text), None, "{text}");
        }
    }
}
