//! What happens to the fetches of one issuer's keys.

use tokio::sync::watch;
use tokio::time::Instant;

use super::budget::FetchBudget;

/// Why a call wants a fetch. Each cause has a budget of its own, so that one cannot use up the other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its token names a key that the set lacks.
    UnknownKey,
    /// The signature is not that of the key in the set, which may have been replaced under the same name.
    BadSignature,
}

/// The fetches of one ring: at most one at a time.
#[derive(Debug, Default)]
pub(super) struct Fetching {
    phase: Phase,
    ended: u64,
    /// Whether the last one gave a usable set.
    last_was_good: bool,
    /// When the last good fetch began: what the issuer published then is in the set.
    confirmed: Option<Instant>,
    /// When the next fetch is due, unless one is wanted before.
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
    /// A fetch shall begin at once.
    Wanted,
    /// A fetch is under way. Where one more is wanted, it begins when this one has ended.
    UnderWay { one_more: bool },
}

/// How a fetch that a call asked for stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A fetch will begin or is under way. It has ended when [`Fetching::ended`] is no longer this.
    Pending(u64),
    /// There is none, and calls can cause none before this time.
    NotBefore(Instant),
}

impl Fetching {
    /// Asks for a fetch on behalf of a call, which shares one that is pending.
    pub(super) fn ask(&mut self, cause: Cause, now: Instant) -> Asked {
        if self.phase == Phase::Idle {
            if let Err(next) = self.budget(cause).take(now) {
                return Asked::NotBefore(next);
            }
            self.phase = Phase::Wanted;
        }
        Asked::Pending(self.ended)
    }

    /// Asks for a fetch that begins after now. An operator may always have one.
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

    /// When the next fetch may begin as far as is known: the one that is due, or one that a call can cause.
    pub(super) fn next_for(&mut self, cause: Cause, now: Instant) -> Instant {
        let caused = self.budget(cause).next_at(now);
        self.next_fetch.map_or(caused, |due| due.min(caused))
    }

    /// Whether a good fetch began then or later.
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

/// A fetch under way. Those who wait for it hear of its end, even when it is dropped half-way.
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

    /// The set is in use.
    pub(super) fn succeed(mut self, next_fetch: Instant) {
        self.was_good = true;
        let began = self.began;
        self.fetching.send_modify(|fetching| {
            fetching.confirmed = Some(began);
            fetching.failures = 0;
            fetching.next_fetch = Some(next_fetch);
        });
    }

    /// There is no new set.
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
