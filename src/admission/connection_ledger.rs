//! Open connections, and which one closes when a limit is reached.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::address_block::{AddressBlock, AddressCap, AddressShare};
use super::shares::Holder;
use super::undelivered::Undelivered;
use super::unproven_streams::ConnectionId;

/// How long a new connection may be without a call before it counts as idle: a handshake over a slow network fits.
const FIRST_CALL: Duration = Duration::from_secs(2);

/// How many displaced connections may still have open sockets.
const MAX_ENDING: usize = 8;

/// A caller with more than this part of all connections exceeds its share.
const LARGE_PART: usize = 8;

/// Limits of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionCaps {
    /// In total.
    pub(crate) total: usize,
    /// Without an authenticated caller so far.
    pub(crate) unproven: usize,
    /// From one [`AddressBlock`].
    pub(crate) per_address: usize,
}

/// The open connections.
///
/// When the total limit is reached, a new connection replaces an unauthenticated one: the oldest that has been idle for
/// some time, or else the oldest. Unauthenticated peers therefore cannot keep callers out. If all connections have
/// authenticated callers, the new one replaces an idle one of the caller with the most connections, if that caller has
/// more than an eighth of all.
#[derive(Debug)]
pub(crate) struct ConnectionLedger {
    caps: ConnectionCaps,
    by_address: Arc<AddressCap>,
    open: Mutex<Open>,
    /// Displaced connections that are not closed yet.
    ending: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Open {
    next: ConnectionId,
    /// Oldest first: ids grow.
    unproven: BTreeMap<ConnectionId, Arc<ConnectionEntry>>,
    proven: HashMap<ConnectionId, Arc<ConnectionEntry>>,
}

/// Why a connection is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum ConnectionRefusal {
    /// The total limit is reached: all connections have authenticated callers, and no caller with more than its share
    /// has an idle one.
    #[error("the limit of connections is reached")]
    Total,
    /// The limit per address is reached.
    #[error("the limit of connections from this address is reached")]
    Address,
}

/// Why a connection must close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionEnd {
    /// Another connection replaces it.
    Displaced,
    /// Its client has not read an answer within the time limit.
    SlowReader,
}

impl ConnectionLedger {
    #[must_use]
    pub(crate) fn new(caps: ConnectionCaps) -> Arc<Self> {
        let by_address = AddressCap::new(caps.per_address);
        Arc::new(Self { caps, by_address, open: Mutex::default(), ending: watch::Sender::new(0) })
    }

    /// Adds a connection. The limit per address applies to `capped`; `None` is for a peer that many share, or one
    /// without an address.
    ///
    /// # Errors
    ///
    /// Which limit is reached.
    pub(crate) fn take(self: &Arc<Self>, capped: Option<IpAddr>) -> Result<ConnectionSlot, ConnectionRefusal> {
        let address = match capped.map(AddressBlock::containing) {
            Some(block) => Some(self.by_address.take(block).ok_or(ConnectionRefusal::Address)?),
            None => None,
        };
        let mut open = self.lock();
        let is_full =
            open.unproven.len() >= self.caps.unproven || open.unproven.len() + open.proven.len() >= self.caps.total;
        let now = Instant::now();
        if is_full {
            if !open.displace_one(now) {
                return Err(ConnectionRefusal::Total);
            }
            self.ending.send_modify(|ending| *ending += 1);
        }
        let id = open.next;
        open.next += 1;
        let entry = Arc::new(ConnectionEntry {
            id,
            opened: now,
            is_capped: address.is_some(),
            ledger: Arc::clone(self),
            holder: OnceLock::new(),
            calls: watch::Sender::new(0),
            undelivered: Arc::default(),
            end: OnceLock::new(),
            ended: CancellationToken::new(),
        });
        open.unproven.insert(id, Arc::clone(&entry));
        Ok(ConnectionSlot { entry, _address: address })
    }

    /// Returns when few displaced connections are still open. They keep their sockets until they are closed, so no
    /// connection should be accepted before.
    pub(crate) async fn few_are_ending(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let mut ending = self.ending.subscribe();
        let _few = ending.wait_for(|ending| *ending < MAX_ENDING).await;
    }

    /// One clock step for late answers; the time limit has four steps. Closes connections that owe a late answer.
    pub(crate) fn step(&self) {
        let open = self.lock();
        for entry in open.unproven.values().chain(open.proven.values()) {
            if entry.undelivered.step() {
                entry.end(ConnectionEnd::SlowReader);
            }
        }
    }

    /// How many of a time limit make one [`step`](Self::step).
    pub(crate) const STEPS: u32 = super::undelivered::STEPS;

    fn lock(&self) -> MutexGuard<'_, Open> {
        // No panic is possible between two changes that belong together.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Closes an unauthenticated connection, and returns whether there was one.
    fn displace_one(&mut self, now: Instant) -> bool {
        // Later entries are younger.
        let mut old = self.unproven.values().take_while(|entry| now.duration_since(entry.opened) >= FIRST_CALL);
        let idle = old.find(|entry| *entry.calls.borrow() == 0).map(|entry| entry.id);
        let oldest = || self.unproven.first_key_value().map(|(id, _)| *id);
        let displaced = idle.or_else(oldest).and_then(|id| self.unproven.remove(&id));
        let displaced = displaced.or_else(|| self.idle_of_the_largest().and_then(|id| self.proven.remove(&id)));
        displaced.inspect(|entry| entry.end(ConnectionEnd::Displaced)).is_some()
    }

    /// The oldest connection without a call of the caller with the most connections, if that caller exceeds its share.
    fn idle_of_the_largest(&self) -> Option<ConnectionId> {
        let mut by_holder: HashMap<Holder, usize> = HashMap::new();
        for holder in self.proven.values().filter_map(|entry| entry.holder.get()) {
            *by_holder.entry(*holder).or_default() += 1;
        }
        let (largest, held) = by_holder.into_iter().max_by_key(|(_, held)| *held)?;
        if held <= self.proven.len() / LARGE_PART {
            return None;
        }
        let of_largest = self.proven.values().filter(|entry| entry.holder.get() == Some(&largest));
        of_largest.filter(|entry| *entry.calls.borrow() == 0).map(|entry| entry.id).min()
    }
}

/// One open connection.
#[derive(Debug)]
pub(crate) struct ConnectionEntry {
    id: ConnectionId,
    opened: Instant,
    is_capped: bool,
    ledger: Arc<ConnectionLedger>,
    /// The first authenticated caller.
    holder: OnceLock<Holder>,
    calls: watch::Sender<usize>,
    undelivered: Arc<Undelivered>,
    end: OnceLock<ConnectionEnd>,
    ended: CancellationToken,
}

impl ConnectionEntry {
    /// The connection's number.
    #[must_use]
    pub(crate) const fn id(&self) -> ConnectionId {
        self.id
    }

    /// Whether limits per connection and per address apply. They do not for proxies, whose callers are told apart.
    #[must_use]
    pub(crate) const fn is_capped(&self) -> bool {
        self.is_capped
    }

    /// The number of open calls.
    #[must_use]
    pub(crate) const fn calls(&self) -> &watch::Sender<usize> {
        &self.calls
    }

    /// What the client has not read yet.
    #[must_use]
    pub(crate) const fn undelivered(&self) -> &Arc<Undelivered> {
        &self.undelivered
    }

    #[must_use]
    pub(crate) fn is_proven(&self) -> bool {
        self.holder.get().is_some()
    }

    /// Records an authenticated caller. The connection counts as the first caller's from now on.
    pub(crate) fn prove(&self, caller: Holder) {
        if self.is_proven() || self.holder.set(caller).is_err() {
            return;
        }
        let mut open = self.ledger.lock();
        // A displaced or closed connection stays so.
        if let Some(entry) = open.unproven.remove(&self.id) {
            open.proven.insert(self.id, entry);
        }
    }

    /// Returns the reason once the connection must close.
    pub(crate) async fn ended(&self) -> ConnectionEnd {
        self.ended.cancelled().await;
        self.end.get().copied().unwrap_or(ConnectionEnd::Displaced)
    }

    pub(crate) fn end(&self, why: ConnectionEnd) {
        let _first_reason_stays = self.end.set(why);
        self.ended.cancel();
    }
}

/// A connection's entry. Dropping it removes the connection.
#[derive(Debug)]
pub(crate) struct ConnectionSlot {
    entry: Arc<ConnectionEntry>,
    _address: Option<AddressShare>,
}

impl ConnectionSlot {
    #[must_use]
    pub(crate) const fn entry(&self) -> &Arc<ConnectionEntry> {
        &self.entry
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut open = self.entry.ledger.lock();
        let id = self.entry.id;
        if open.unproven.remove(&id).or_else(|| open.proven.remove(&id)).is_none() {
            self.entry.ledger.ending.send_modify(|ending| *ending -= 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasherDefault, DefaultHasher};

    use tokio::time;

    use super::*;

    const CAPS: ConnectionCaps = ConnectionCaps { total: 4, unproven: 2, per_address: 3 };

    fn take_from(ledger: &Arc<ConnectionLedger>, address: &str) -> Result<ConnectionSlot, ConnectionRefusal> {
        ledger.take(Some(address.parse().unwrap()))
    }

    fn is_over(slot: &ConnectionSlot) -> bool {
        slot.entry.ended.is_cancelled()
    }

    fn proven(ledger: &Arc<ConnectionLedger>) -> ConnectionSlot {
        let slot = ledger.take(None).unwrap();
        prove(&slot, 0);
        slot
    }

    fn prove(slot: &ConnectionSlot, caller: u64) {
        slot.entry().prove(Holder::from_name(&caller, &BuildHasherDefault::<DefaultHasher>::default()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_connection_is_given_time_for_its_first_call() {
        let ledger = ConnectionLedger::new(CAPS);
        let watching = ledger.take(None).unwrap();
        watching.entry().calls().send_modify(|calls| *calls += 1);
        time::advance(FIRST_CALL).await;
        let new = ledger.take(None).unwrap();
        let newer = ledger.take(None).unwrap();
        assert_eq!([&watching, &new, &newer].map(is_over), [true, false, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_idle_connection_without_a_caller_gives_way() {
        let ledger = ConnectionLedger::new(CAPS);
        let _kept = proven(&ledger);
        let (first, second) = (ledger.take(None).unwrap(), ledger.take(None).unwrap());
        time::advance(FIRST_CALL).await;
        let third = ledger.take(None).unwrap();
        assert_eq!([&first, &second, &third].map(is_over), [true, false, false]);
        assert_eq!(first.entry().ended().await, ConnectionEnd::Displaced);
        // One with an open call stays, and the next oldest goes.
        second.entry().calls().send_modify(|calls| *calls += 1);
        time::advance(FIRST_CALL).await;
        let fourth = ledger.take(None).unwrap();
        assert_eq!([&second, &third, &fourth].map(is_over), [false, true, false]);
        // When all have one, the oldest goes.
        fourth.entry().calls().send_modify(|calls| *calls += 1);
        let fifth = ledger.take(None).unwrap();
        assert_eq!([&second, &fourth, &fifth].map(is_over), [true, false, false]);
    }

    #[test]
    fn connections_with_callers_fill_the_total_and_give_way_to_none() {
        let ledger = ConnectionLedger::new(CAPS);
        let held: Vec<_> = (0..4).map(|_| proven(&ledger)).collect();
        for busy in &held {
            busy.entry().calls().send_modify(|calls| *calls += 1);
        }
        assert_eq!(ledger.take(None).unwrap_err(), ConnectionRefusal::Total);
        assert!(!held.iter().any(is_over));
        drop(held);
        let open = ledger.lock();
        assert!(open.proven.is_empty() && open.unproven.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn displaced_connections_are_waited_for_when_many_have_not_ended() {
        let ledger = ConnectionLedger::new(CAPS);
        let mut held: Vec<_> = (0..CAPS.unproven + MAX_ENDING - 1).map(|_| ledger.take(None).unwrap()).collect();
        ledger.few_are_ending().await;
        held.push(ledger.take(None).unwrap());
        assert!(time::timeout(Duration::from_mins(1), ledger.few_are_ending()).await.is_err());
        held.remove(0);
        ledger.few_are_ending().await;
        drop(held);
        assert_eq!(*ledger.ending.borrow(), 0);
    }

    #[test]
    fn a_caller_with_more_than_its_share_gives_way_with_what_it_does_not_use() {
        let ledger = ConnectionLedger::new(ConnectionCaps { total: 20, unproven: 20, per_address: 20 });
        let mut held: Vec<_> = (0..20).map(|_| ledger.take(None).unwrap()).collect();
        for (slot, caller) in held.iter().zip([1, 2, 3, 4, 5].into_iter().chain([9; 15])) {
            prove(slot, caller);
        }
        held[5].entry().calls().send_modify(|calls| *calls += 1);
        let newcomer = ledger.take(None).unwrap();
        let over: Vec<usize> = (0..20).filter(|index| is_over(&held[*index])).collect();
        assert_eq!(over, [6], "the oldest idle one of the caller that has most");
        prove(&newcomer, 6);
        held.push(newcomer);
        // When every caller has few connections, none is displaced.
        let ledger = ConnectionLedger::new(ConnectionCaps { total: 16, unproven: 16, per_address: 16 });
        let held: Vec<_> = (0..16).map(|_| ledger.take(None).unwrap()).collect();
        for (slot, caller) in held.iter().zip((0..8).chain(0..8)) {
            prove(slot, caller);
        }
        assert_eq!(ledger.take(None).unwrap_err(), ConnectionRefusal::Total);
    }

    #[test]
    fn an_address_has_a_cap_and_proxies_have_none() {
        let ledger = ConnectionLedger::new(ConnectionCaps { total: 100, unproven: 100, per_address: 3 });
        let held: Vec<_> = (0..3).map(|_| take_from(&ledger, "2001:db8::1").unwrap()).collect();
        assert_eq!(take_from(&ledger, "2001:db8::2").unwrap_err(), ConnectionRefusal::Address);
        assert!(take_from(&ledger, "2001:db8:0:1::1").is_ok());
        let proxied: Vec<_> = (0..10).map(|_| ledger.take(None).unwrap()).collect();
        assert!(held.iter().all(|slot| slot.entry().is_capped()));
        assert!(!proxied.iter().any(|slot| slot.entry().is_capped()));
        drop(held);
        assert!(take_from(&ledger, "2001:db8::2").is_ok());
    }

    #[test]
    fn a_displaced_connection_that_proves_a_caller_too_late_takes_no_place() {
        let ledger = ConnectionLedger::new(CAPS);
        let held: Vec<_> = (0..3).map(|_| ledger.take(None).unwrap()).collect();
        assert!(is_over(&held[0]));
        prove(&held[0], 0);
        assert!(ledger.lock().proven.is_empty());
    }

    #[tokio::test]
    async fn a_connection_ends_whose_client_leaves_an_answer_for_too_long() {
        let ledger = ConnectionLedger::new(CAPS);
        let (slow, good) = (ledger.take(None).unwrap(), proven(&ledger));
        let _late = slow.entry().undelivered().count();
        for _ in 0..5 {
            assert!(!is_over(&slow));
            drop(good.entry().undelivered().count());
            ledger.step();
        }
        assert_eq!(slow.entry().ended().await, ConnectionEnd::SlowReader);
        assert!(!is_over(&good));
    }
}
