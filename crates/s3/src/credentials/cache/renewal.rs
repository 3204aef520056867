//! Renewal on demand, for callers who need more life than the credentials have left.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::CredentialsCache;
use crate::credentials::refresh_result::RefreshResult;

/// The shortest time between an attempt of any kind and one on demand, or one that a change causes: neither callers nor
/// programs that write files must be able to flood a provider.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(10);

/// The result of asking for a renewal at once. In each case the [`snapshot`](CredentialsCache::snapshot) tells how long
/// the credentials last now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// Other credentials are in force now.
    Renewed,
    /// The provider gave the same credentials again.
    Unchanged,
    /// The provider was not asked, because the last attempt was less than 10 seconds ago.
    NotAsked,
    /// The provider gave nothing that can sign. What was in force still is.
    Failed,
}

impl From<RefreshResult> for Renewal {
    fn from(result: RefreshResult) -> Self {
        match result {
            RefreshResult::Renewed | RefreshResult::Shortened | RefreshResult::Extended => Self::Renewed,
            RefreshResult::Unchanged | RefreshResult::Stale => Self::Unchanged,
            RefreshResult::Failed => Self::Failed,
        }
    }
}

impl CredentialsCache {
    /// Asks the provider at once, for a caller whose URL the credentials in force do not cover.
    ///
    /// Callers that come while the provider is being asked, for whatever reason, share that attempt. Otherwise there
    /// are at least 10 seconds between the end of the last attempt, successful or not, and the next one on demand;
    /// until then this returns at once. It takes 10 seconds at most, as an attempt does. A caller that goes away does
    /// not end the attempt.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub(crate) async fn renew_now(self: &Arc<Self>) -> Renewal {
        let (cache, ended_before) = (Arc::clone(self), self.counters.attempts_ended());
        // A task of its own, so that a caller who gives up does not take the attempt from those who share it, nor
        // begins a new one each time.
        let renewal = tokio::spawn(async move { cache.renew_unless_renewed(ended_before).await });
        renewal.await.unwrap_or(Renewal::Failed)
    }

    async fn renew_unless_renewed(&self, ended_before: u64) -> Renewal {
        let mut renewals = self.renewals.lock().await;
        if let Some(last) = renewals.last_result.filter(|_| self.counters.attempts_ended() != ended_before) {
            return last.into();
        }
        if self.last_attempt().is_some_and(|last| !until_next(last, self.clock.now()).is_zero()) {
            return Renewal::NotAsked;
        }
        // The error is counted, and said in the result.
        let _counted = self.ask(&mut renewals).await;
        renewals.last_result.map_or(Renewal::Failed, Into::into)
    }
}

/// How long it is until the next attempt that is not due by itself. A clock that was set back makes the last attempt lie
/// in the future, which must not hold up renewals until then.
pub(super) fn until_next(last: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(last).map_or(Duration::ZERO, |since| SHORTEST_INTERVAL.saturating_sub(since))
}
