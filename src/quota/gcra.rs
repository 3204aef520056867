//! The state of one limit: the generic cell rate algorithm as virtual scheduling (ITU-T I.371, appendix A).

use std::time::Duration;

use super::RateLimit;

/// Nanoseconds since the quotas were created, on the monotonic clock. They overflow after 584 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nanos(u64);

impl From<Duration> for Nanos {
    fn from(since_start: Duration) -> Self {
        Self(u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// The state of a limit, and the limit. There may be one for each of 100,000 callers, so it is small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gcra {
    limit: RateLimit,
    /// When the whole burst is available again (the "theoretical arrival time").
    full_at: Nanos,
}

impl Gcra {
    /// With the whole burst available.
    pub(super) const fn new(limit: RateLimit, now: Nanos) -> Self {
        Self { limit, full_at: now }
    }

    /// The same, or with the whole burst of another limit.
    pub(super) fn with_limit(self, limit: RateLimit, now: Nanos) -> Self {
        if self.limit == limit { self } else { Self::new(limit, now) }
    }

    /// Counts one call, or returns the time to wait and counts nothing.
    pub(super) fn count_one(&mut self, now: Nanos) -> Result<(), Duration> {
        let next_at = self.full_at.0.saturating_sub(self.limit.tolerance_nanos());
        match next_at.checked_sub(now.0).filter(|wait| *wait > 0) {
            Some(wait) => Err(Duration::from_nanos(wait)),
            None => {
                let begins = self.full_at.max(now);
                self.full_at = Nanos(begins.0.saturating_add(self.limit.period_nanos()));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::{Clock, FakeRelativeClock};
    use governor::{Quota, RateLimiter};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_small() {
        assert_eq!(size_of::<Gcra>(), 24);
    }

    #[test]
    fn the_end_of_time_is_no_overflow() {
        let mut state = Gcra::new(RateLimit::parse("1/h").unwrap(), Nanos(u64::MAX));
        assert_eq!(state.count_one(Nanos(u64::MAX)), Ok(()));
        assert_eq!(state.count_one(Nanos(0)), Err(Duration::from_nanos(u64::MAX)));
        assert_eq!(Nanos::from(Duration::MAX), Nanos(u64::MAX));
    }

    fn any_limit() -> impl Strategy<Value = RateLimit> {
        let rate = (1..=1_000_000_u32, prop_oneof![Just("s"), Just("m"), Just("h")]);
        let few = (1..=20_u32, prop_oneof![Just("s"), Just("m"), Just("h")]);
        let rate =
            prop_oneof![rate, few].prop_map(|(count, unit)| RateLimit::parse(&format!("{count}/{unit}")).unwrap());
        let burst = prop_oneof![Just(None), (1..=5_u32).prop_map(Some), (1..=1_000_000_u32).prop_map(Some)];
        (rate, burst).prop_map(|(limit, burst)| match burst {
            Some(burst) => limit.with_burst(burst.try_into().unwrap()),
            None => limit,
        })
    }

    proptest! {
        /// `governor` is the oracle: each call has the same result, with the same time to wait.
        #[test]
        fn every_answer_is_that_of_governor(
            limit in any_limit(),
            start in 0..=u64::from(u32::MAX),
            // In hundredths of the period, so that calls fall close to the instant when one is permitted.
            steps in vec(prop_oneof![Just(0_u64), 0..=300_u64, 0..=100_000_u64], 1..200),
        ) {
            let (period, burst) = (Duration::from_nanos(limit.period_nanos()), limit.burst());
            let clock = FakeRelativeClock::default();
            clock.advance(Duration::from_nanos(start));
            let quota = Quota::with_period(period).unwrap().allow_burst(burst);
            let oracle = RateLimiter::direct_with_clock(quota, clock.clone());
            let mut now = start;
            let mut state = Gcra::new(limit, Nanos(now));
            for step in steps {
                let elapsed = (limit.period_nanos() / 100).saturating_mul(step);
                clock.advance(Duration::from_nanos(elapsed));
                now += elapsed;
                let expected = oracle.check().map_err(|not_until| not_until.wait_time_from(clock.now()));
                prop_assert_eq!(state.count_one(Nanos(now)), expected);
            }
        }

        /// Within any period of time there are at most the burst and one call per period.
        #[test]
        fn no_stretch_of_time_has_more_than_burst_and_rate(
            limit in any_limit(), steps in vec(0..=300_u64, 1..100),
        ) {
            let (mut now, mut counted) = (0, Vec::new());
            let mut state = Gcra::new(limit, Nanos(0));
            for step in steps {
                now += limit.period_nanos() / 100 * step;
                if state.count_one(Nanos(now)).is_ok() {
                    counted.push(now);
                }
            }
            for (first, from) in counted.iter().enumerate() {
                for (last, to) in counted.iter().enumerate().skip(first) {
                    let allowed = u64::from(limit.burst().get()) + (to - from) / limit.period_nanos();
                    prop_assert!((last - first + 1) as u64 <= allowed);
                }
            }
        }

        #[test]
        fn a_call_after_the_stated_wait_is_permitted_and_not_a_nanosecond_before(limit in any_limit(), calls in 1..2_000_usize) {
            let now = 1_u64 << 40;
            let mut state = Gcra::new(limit, Nanos(now));
            if let Some(wait) = (0..calls).find_map(|_| state.count_one(Nanos(now)).err()) {
                let at = now + u64::try_from(wait.as_nanos()).unwrap();
                let mut early = state;
                prop_assert_eq!(early.count_one(Nanos(at - 1)), Err(Duration::from_nanos(1)));
                prop_assert_eq!(state.count_one(Nanos(at)), Ok(()));
            }
        }
    }
}
