//! One open stream: which limit it counts toward, and whether its client still has to read something.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio_util::sync::CancellationToken;

use super::connection_ledger::ConnectionEntry;
use super::shares::{Holder, NoShare, Share, Shares};
use super::undelivered::UndeliveredPart;
use super::unproven_streams::{NoRoom, UnprovenBudgets, UnprovenKind, UnprovenStream};

#[derive(Debug, Clone)]
pub(crate) struct StreamBudgets {
    /// Every stream from its acceptance on, when only its connection is known.
    pub(crate) accepted: Arc<AcceptedStreams>,
    /// Streams of authenticated callers, shared by caller.
    pub(crate) proven: Arc<Shares>,
    /// Unauthenticated streams, shared by connection.
    pub(crate) unproven: UnprovenBudgets,
}

/// Counts every open stream.
///
/// A burst of streams costs memory before the broker has read any of them. A connection therefore gets one more only
/// while it has fewer open than are free, by the rule of [`Shares`].
#[derive(Debug)]
pub(crate) struct AcceptedStreams {
    limit: usize,
    open: AtomicUsize,
}

impl AcceptedStreams {
    /// Room for this many streams.
    #[must_use]
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, open: AtomicUsize::new(0) })
    }

    #[must_use]
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Two connections that ask at the same time may both get the last slot.
    fn has_room_for(&self, connection: &ConnectionEntry) -> bool {
        *connection.calls().borrow() < self.limit.saturating_sub(self.open())
    }
}

/// An open stream. It counts until the call has ended *and* the client has read every part of the answer: both keep
/// this value alive.
#[derive(Debug)]
pub(crate) struct OpenStream {
    connection: Arc<ConnectionEntry>,
    budgets: StreamBudgets,
    place: Mutex<StreamSlot>,
    taken_away: OnceLock<CancellationToken>,
    /// Something was handed over, and the client has no room for more.
    is_owed: AtomicBool,
    /// Parts that were handed over and are not delivered.
    parts: AtomicU32,
    /// Changes whenever the client reads something.
    taken: AtomicU32,
    is_given_up: AtomicBool,
}

#[derive(Debug)]
enum StreamSlot {
    None,
    /// Kept for its drop.
    Unproven(#[expect(dead_code, reason = "held for what its drop does")] UnprovenStream),
    Proven(#[expect(dead_code, reason = "held for what its drop does")] Share),
}

impl OpenStream {
    /// A stream of a connection, unless the limit is reached.
    #[must_use]
    pub(crate) fn accept(connection: &Arc<ConnectionEntry>, budgets: &StreamBudgets) -> Option<Arc<Self>> {
        budgets.accepted.has_room_for(connection).then(|| Self::new(Arc::clone(connection), budgets.clone()))
    }

    fn new(connection: Arc<ConnectionEntry>, budgets: StreamBudgets) -> Arc<Self> {
        budgets.accepted.open.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            connection,
            budgets,
            place: Mutex::new(StreamSlot::None),
            taken_away: OnceLock::new(),
            is_owed: AtomicBool::new(false),
            parts: AtomicU32::new(0),
            taken: AtomicU32::new(0),
            is_given_up: AtomicBool::new(false),
        })
    }

    #[must_use]
    pub(crate) const fn connection(&self) -> &Arc<ConnectionEntry> {
        &self.connection
    }

    /// Counts the stream as unauthenticated. The token is cancelled when another connection takes the slot.
    pub(crate) fn take_unproven(&self, kind: UnprovenKind) -> Result<CancellationToken, NoRoom> {
        let stream = self.take_of(kind)?;
        let taken_away = stream.taken_away().clone();
        self.hold(StreamSlot::Unproven(stream));
        let _first_time = self.taken_away.set(taken_away.clone());
        Ok(taken_away)
    }

    /// Takes a slot for the rest of a request that was answered.
    pub(crate) fn take_answered(&self) -> Result<UnprovenStream, NoRoom> {
        self.take_of(UnprovenKind::Answered)
    }

    fn take_of(&self, kind: UnprovenKind) -> Result<UnprovenStream, NoRoom> {
        self.budgets.unproven.budget(kind).take(self.connection.id(), self.connection.is_capped())
    }

    /// Counts the stream as one of an authenticated caller, instead of as before.
    ///
    /// # Errors
    ///
    /// When the caller has its share, or the limit is reached.
    pub(crate) fn take_proven(&self, caller: Holder) -> Result<(), NoShare> {
        self.connection.prove(caller);
        let share = self.budgets.proven.take(caller, 1)?;
        self.hold(StreamSlot::Proven(share));
        Ok(())
    }

    fn hold(&self, place: StreamSlot) {
        let former = {
            let mut held = self.place.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *held, place)
        };
        drop(former);
    }

    /// Returns when another connection takes the slot of this unauthenticated stream.
    #[must_use]
    pub(crate) fn taken_away(&self) -> Option<&CancellationToken> {
        self.taken_away.get()
    }

    /// Records that the head of the answer was handed over.
    pub(crate) fn hand_over_head(&self) {
        self.is_owed.store(true, Ordering::Relaxed);
    }

    /// Counts a part of the answer that is handed over, until the returned value is dropped.
    #[must_use]
    pub(crate) fn hand_over_part(self: &Arc<Self>) -> HandedOver {
        self.is_owed.store(true, Ordering::Relaxed);
        self.parts.fetch_add(1, Ordering::Relaxed);
        HandedOver { _part: self.connection.undelivered().count(), stream: Arc::clone(self) }
    }

    /// Records that the client has room for more than is available.
    pub(crate) fn has_room(&self) {
        self.is_owed.store(false, Ordering::Relaxed);
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the client still has to read something.
    #[must_use]
    pub(crate) fn is_owed(&self) -> bool {
        self.is_owed.load(Ordering::Relaxed) || self.has_parts()
    }

    /// Whether parts that were handed over are not delivered.
    #[must_use]
    pub(crate) fn has_parts(&self) -> bool {
        self.parts.load(Ordering::Relaxed) > 0
    }

    /// Records that the stream ends before its answer.
    pub(crate) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }

    /// Whether the stream ended before its answer.
    #[must_use]
    pub(crate) fn is_given_up(&self) -> bool {
        self.is_given_up.load(Ordering::Relaxed)
    }

    /// How often the client has read something.
    #[must_use]
    pub(crate) fn taken(&self) -> u32 {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.budgets.accepted.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A part of an answer that is being sent. While it lives, its stream counts.
#[derive(Debug)]
pub(crate) struct HandedOver {
    stream: Arc<OpenStream>,
    _part: UndeliveredPart,
}

impl Drop for HandedOver {
    fn drop(&mut self) {
        self.stream.parts.fetch_sub(1, Ordering::Relaxed);
        self.stream.taken.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;
    use crate::admission::{ConnectionCaps, ConnectionLedger};

    fn budgets() -> StreamBudgets {
        StreamBudgets {
            accepted: AcceptedStreams::new(4),
            proven: Shares::new(4),
            unproven: UnprovenBudgets::new(4, 2),
        }
    }

    fn connection() -> (crate::admission::ConnectionSlot, Arc<ConnectionEntry>) {
        let slot = ConnectionLedger::new(ConnectionCaps { total: 9, unproven: 9, per_address: 9 }).take(None).unwrap();
        let entry = Arc::clone(slot.entry());
        (slot, entry)
    }

    #[test]
    fn a_stream_changes_its_place_when_its_caller_is_proven_and_gives_back_what_it_has() {
        let (budgets, (_slot, connection)) = (budgets(), connection());
        let stream = OpenStream::new(connection, budgets.clone());
        stream.take_unproven(UnprovenKind::Health).unwrap();
        assert_eq!((budgets.unproven.budget(UnprovenKind::Health).open(), budgets.proven.held()), (1, 0));
        stream.take_proven(Holder::from_name(&"caller", &RandomState::new())).unwrap();
        assert_eq!((budgets.unproven.budget(UnprovenKind::Health).open(), budgets.proven.held()), (0, 1));
        drop(stream);
        assert_eq!((budgets.unproven.budget(UnprovenKind::Health).open(), budgets.proven.held()), (0, 0));
    }

    #[test]
    fn a_connection_gets_a_stream_while_it_has_fewer_than_there_is_room_for() {
        let (budgets, (_slot, connection)) = (budgets(), connection());
        let accept = || {
            connection.calls().send_modify(|calls| *calls += 1);
            OpenStream::new(Arc::clone(&connection), budgets.clone())
        };
        let open: Vec<_> = (0..2)
            .map(|_| {
                assert!(OpenStream::accept(&connection, &budgets).is_some());
                accept()
            })
            .collect();
        assert!(OpenStream::accept(&connection, &budgets).is_none(), "it has two, and there is room for two");
        let (_other_slot, other) = self::connection();
        assert!(OpenStream::accept(&other, &budgets).is_some());
        drop(open);
        assert_eq!(budgets.accepted.open(), 0);
    }

    #[test]
    fn a_stream_whose_place_is_taken_away_or_that_is_given_up_says_so() {
        let budgets = StreamBudgets { unproven: UnprovenBudgets::new(1, 1), ..budgets() };
        let ((_slot, connection), (_other_slot, other)) = (connection(), connection());
        let stream = OpenStream::new(Arc::clone(&connection), budgets.clone());
        assert!(stream.taken_away().is_none());
        stream.take_unproven(UnprovenKind::Health).unwrap();
        assert!(stream.taken_away().is_some_and(|taken_away| !taken_away.is_cancelled()));
        assert!(OpenStream::new(other, budgets).take_unproven(UnprovenKind::Health).is_err(), "neither has more");
        assert!(!stream.is_given_up());
        stream.give_up();
        assert!(stream.is_given_up());
    }

    #[test]
    fn a_part_that_is_not_delivered_keeps_the_place_of_a_stream_that_has_ended() {
        let (budgets, (_slot, connection)) = (budgets(), connection());
        let stream = OpenStream::new(connection, budgets.clone());
        stream.take_unproven(UnprovenKind::Health).unwrap();
        let part = stream.hand_over_part();
        drop(stream);
        assert_eq!(budgets.unproven.budget(UnprovenKind::Health).open(), 1);
        drop(part);
        assert_eq!(budgets.unproven.budget(UnprovenKind::Health).open(), 0);
    }

    #[test]
    fn something_is_owed_until_the_client_has_room_and_every_part() {
        let (budgets, (_slot, connection)) = (budgets(), connection());
        let stream = OpenStream::new(connection, budgets);
        assert!(!stream.is_owed());
        stream.hand_over_head();
        assert!(stream.is_owed());
        stream.has_room();
        assert!(!stream.is_owed());
        let part = stream.hand_over_part();
        stream.has_room();
        assert!(stream.is_owed(), "the library holds a part");
        let before = stream.taken();
        drop(part);
        assert!(!stream.is_owed());
        assert_ne!(stream.taken(), before);
    }
}
