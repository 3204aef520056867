//! Pauses between failures to accept.

use std::time::Duration;

use tokio::time::Instant;

/// The first pause.
const SHORTEST: Duration = Duration::from_millis(10);

/// The longest: once files are there again, clients have waited no longer than this.
const LONGEST: Duration = Duration::from_secs(1);

/// How long there must have been no failure before the next one is news. While files run out, one that is given back
/// lets a connection in now and then.
const EPISODE_GAP: Duration = Duration::from_mins(1);

/// Doubles the pause with every failure in a row. Without one the loop would spin: a failure such as too many open files
/// does not go away by itself at once.
#[derive(Debug, Default)]
pub(in crate::server) struct AcceptBackoff {
    /// The pause after the last failure; `None` after a success.
    last_pause: Option<Duration>,
    last_failure: Option<Instant>,
}

/// What to do about a failure.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::server) struct AcceptFailure {
    pub(in crate::server) pause: Duration,
    /// Whether it is worth a line in the log: one for each episode.
    pub(in crate::server) is_news: bool,
}

impl AcceptBackoff {
    /// Takes note of a failure.
    pub(in crate::server) fn failed(&mut self, now: Instant) -> AcceptFailure {
        let pause = self.last_pause.map_or(SHORTEST, |last| LONGEST.min(last * 2));
        let is_news = self.last_failure.is_none_or(|last| now.duration_since(last) > EPISODE_GAP);
        (self.last_pause, self.last_failure) = (Some(pause), Some(now));
        AcceptFailure { pause, is_news }
    }

    /// Takes note of a success.
    pub(in crate::server) const fn succeeded(&mut self) {
        self.last_pause = None;
    }
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
            failure.is_news
        };
        assert_eq!([0, 1, 60, 120, 181, 182].map(&mut is_news_after), [true, false, false, false, true, false]);
    }
}
