//! Logs the first of many events of the same kind.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After this time without an event, the next one is logged.
const GAP: Duration = Duration::from_mins(1);

/// Finds the events that begin an episode: a series without long gaps.
#[derive(Debug, Default)]
pub(in crate::server) struct LogThrottle(Mutex<Option<Instant>>);

impl LogThrottle {
    /// Counts an event, and returns whether to log it.
    pub(in crate::server) fn admit(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_admitted = last.is_none_or(|last| now.saturating_duration_since(last) > GAP);
        *last = Some(now);
        is_admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_event_of_a_series_is_admitted() {
        let (throttle, begun) = (LogThrottle::default(), Instant::now());
        let admitted_after = |seconds| throttle.admit(begun + Duration::from_secs(seconds));
        assert_eq!([0, 1, 60, 120, 181, 182].map(admitted_after), [true, false, false, false, true, false]);
    }
}
