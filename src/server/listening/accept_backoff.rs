//! Pauses after failures to accept a connection.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

use crate::server::connections::log_throttle::LogThrottle;
use access_broker_base::pacing::Doubling;

/// Clients wait no longer than this limit when files are available again.
const PAUSES: Doubling = Doubling { first: Duration::from_millis(10), limit: Duration::from_secs(1) };

/// Doubles the pause with every failure in a row. Without a pause the loop would spin: a failure such as too many open
/// files lasts.
#[derive(Debug, Default)]
pub(in crate::server) struct AcceptBackoff {
    failures_in_a_row: u32,
    /// When open files run out, a freed one admits a connection now and then: that does not end the episode.
    throttle: LogThrottle,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::server) struct AcceptFailure {
    pub(in crate::server) pause: Duration,
    /// Whether to log it: once per episode.
    pub(in crate::server) is_logged: bool,
}

impl AcceptBackoff {
    pub(in crate::server) fn failed(&mut self, now: Instant) -> AcceptFailure {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        AcceptFailure { pause: PAUSES.after(self.failures_in_a_row), is_logged: self.throttle.admit(now) }
    }

    /// The next failure is the first in a row.
    pub(in crate::server) const fn succeeded(&mut self) {
        self.failures_in_a_row = 0;
    }
}

/// Whether the failure is that of one connection: the next one may succeed.
pub(in crate::server) fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_10_ms_to_1_s_and_begin_anew_after_a_success() {
        let (mut backoff, now) = (AcceptBackoff::default(), Instant::now());
        for _ in 0..2 {
            let pauses: Vec<_> = (0..9).map(|_| backoff.failed(now).pause.as_millis()).collect();
            assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1_000, 1_000]);
            backoff.succeeded();
        }
    }

    #[test]
    fn an_episode_is_news_once_though_a_connection_gets_through() {
        let (mut backoff, begun) = (AcceptBackoff::default(), Instant::now());
        let mut is_news_after = |seconds| {
            let failure = backoff.failed(begun + Duration::from_secs(seconds));
            backoff.succeeded();
            failure.is_logged
        };
        assert_eq!([0, 1, 60, 120, 181, 182].map(&mut is_news_after), [true, false, false, false, true, false]);
    }
}
