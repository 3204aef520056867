//! Logs the first of many events of the same kind.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After this time without an event, the next one is logged.
const GAP: Duration = Duration::from_mins(1);

/// Finds the events that begin an episode: a series without long gaps.
#[derive(Debug, Default)]
pub(in crate::server) struct Episodes(Mutex<Option<Instant>>);

impl Episodes {
    /// Counts an event, and returns whether to log it.
    pub(in crate::server) fn is_news(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = last.is_none_or(|last| now.saturating_duration_since(last) > GAP);
        *last = Some(now);
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_is_news_once() {
        let (episodes, begun) = (Episodes::default(), Instant::now());
        let is_news_after = |seconds| episodes.is_news(begun + Duration::from_secs(seconds));
        assert_eq!([0, 1, 60, 120, 181, 182].map(is_news_after), [true, false, false, false, true, false]);
    }
}
