//! The state of the fetches of one issuer's keys.

use tokio::sync::watch;
use tokio::time::Instant;

use super::budget::FetchBudget;

/// Why a call requests a fetch. Each cause has a separate budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its token names a key that the set lacks.
    UnknownKey,
    /// The signature is invalid by the key in the set. The issuer may have replaced that key under the same name.
    BadSignature,
}

/// The fetches of one ring: at most one at a time.
#[derive(Debug, Default)]
pub(super) struct Fetching {
    phase: Phase,
    ended: u64,
    /// Whether the last one gave a usable set.
    last_was_good: bool,
    /// When the last successful fetch began. The set has the keys that the issuer published then.
    confirmed: Option<Instant>,
    /// When the next fetch is due, unless one is requested earlier.
    next_fetch: Option<Instant>,
    /// In a row.
    failures: u32,
    unknown_keys: FetchBudget,
    bad_signatures: FetchBudget,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// The next fetch begins when it is due.
    #[default]
    Idle,
    /// A fetch must begin at once.
    Wanted,
    /// A fetch is in flight. With `one_more`, another one begins when it has ended.
    UnderWay { one_more: bool },
}

/// The result of a call's request for a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FetchRequest {
    /// A fetch will begin or is in flight. It has ended when [`Fetching::ended`] has another value.
    Pending(u64),
    /// No fetch is pending, and calls can cause none before this time.
    NotBefore(Instant),
}

impl Fetching {
    /// Requests a fetch for a call, which shares a pending one.
    pub(super) fn ask(&mut self, cause: Cause, now: Instant) -> FetchRequest {
        if self.phase == Phase::Idle {
            if let Err(next) = self.budget(cause).take(now) {
                return FetchRequest::NotBefore(next);
            }
            self.phase = Phase::Wanted;
        }
        FetchRequest::Pending(self.ended)
    }

    /// Requests a fetch that begins after now, without a budget: for operators.
    pub(super) fn demand(&mut self) {
        self.phase = match self.phase {
            Phase::Idle | Phase::Wanted => Phase::Wanted,
            Phase::UnderWay { .. } => Phase::UnderWay { one_more: true },
        };
    }

    fn budget(&mut self, cause: Cause) -> &mut FetchBudget {
        match cause {
            Cause::UnknownKey => &mut self.unknown_keys,
            Cause::BadSignature => &mut self.bad_signatures,
        }
    }

    /// When the next fetch may begin: the one that is due, or one that a call can cause.
    pub(super) fn next_for(&mut self, cause: Cause, now: Instant) -> Instant {
        let caused = self.budget(cause).next_at(now);
        self.next_fetch.map_or(caused, |due| due.min(caused))
    }

    /// Whether a successful fetch began at that time or later.
    pub(super) fn is_confirmed_since(&self, time: Instant) -> bool {
        self.confirmed.is_some_and(|confirmed| confirmed >= time)
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.phase == Phase::Wanted
    }

    pub(super) const fn ended(&self) -> u64 {
        self.ended
    }

    pub(super) const fn last_was_good(&self) -> bool {
        self.last_was_good
    }

    pub(super) const fn next_fetch(&self) -> Option<Instant> {
        self.next_fetch
    }

    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }
}

/// A fetch in flight. Waiting calls are notified of its end, also when it is dropped.
pub(super) struct FetchUnderWay<'a> {
    fetching: &'a watch::Sender<Fetching>,
    began: Instant,
    was_good: bool,
}

impl<'a> FetchUnderWay<'a> {
    pub(super) fn begin(fetching: &'a watch::Sender<Fetching>) -> Self {
        fetching.send_modify(|fetching| fetching.phase = Phase::UnderWay { one_more: false });
        Self { fetching, began: Instant::now(), was_good: false }
    }

    /// Records a success.
    pub(super) fn succeed(mut self, next_fetch: Instant) {
        self.was_good = true;
        let began = self.began;
        self.fetching.send_modify(|fetching| {
            fetching.confirmed = Some(began);
            fetching.failures = 0;
            fetching.next_fetch = Some(next_fetch);
        });
    }

    /// Records a failure.
    pub(super) fn fail(self, failures: u32, next_fetch: Instant) {
        self.fetching.send_modify(|fetching| {
            fetching.failures = failures;
            fetching.next_fetch = Some(next_fetch);
        });
    }
}

impl Drop for FetchUnderWay<'_> {
    fn drop(&mut self) {
        let was_good = self.was_good;
        self.fetching.send_modify(|fetching| {
            let one_more = fetching.phase == Phase::UnderWay { one_more: true };
            fetching.phase = if one_more { Phase::Wanted } else { Phase::Idle };
            fetching.ended = fetching.ended.wrapping_add(1);
            fetching.last_was_good = was_good;
        });
    }
}
