//! Renewal on demand, for calls that need credentials with a later expiry.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::CredentialsCache;
use crate::credentials::refresh_result::RefreshResult;

/// The shortest time between any attempt and one on demand or because of a change: neither callers nor programs that
/// write files may flood a provider.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(10);

/// The result of a renewal on demand. [`snapshot`](CredentialsCache::snapshot) has the credentials after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// Other credentials are active now.
    Renewed,
    /// The provider returned the same credentials again.
    Unchanged,
    /// The provider was not asked, because the last attempt was less than 10 seconds ago.
    NotAsked,
    /// The provider returned no credentials that can sign. The active ones stay.
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
    /// Asks the provider at once, for a URL that would outlive the active credentials.
    ///
    /// Calls during an attempt of any kind share that attempt. Otherwise an attempt on demand begins at least 10
    /// seconds after the end of the last attempt, successful or not; until then this returns at once. It takes at most
    /// 10 seconds. A cancelled call does not cancel the attempt.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub(crate) async fn renew_now(self: &Arc<Self>) -> Renewal {
        let (cache, ended_before) = (Arc::clone(self), self.counters.attempts_ended());
        // In a separate task, so that a cancelled call does not cancel the attempt for those that share it, and so that
        // repeated calls do not start new attempts.
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
        // The error is counted, and is in the result.
        let _counted = self.ask(&mut renewals).await;
        renewals.last_result.map_or(Renewal::Failed, Into::into)
    }
}

/// The time until an attempt on demand is permitted. If the clock was set back, the last attempt is in the future: that
/// must not delay renewals until then.
pub(super) fn until_next(last: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(last).map_or(Duration::ZERO, |since| SHORTEST_INTERVAL.saturating_sub(since))
}
