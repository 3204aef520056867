//! The slots of the admin port's connections, and which connection a new one displaces.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// One slot per connection.
///
/// When all are taken, a new connection displaces the oldest one whose request has not arrived, so that idle and
/// incomplete ones keep no scrape out. If there is none, it displaces the oldest that has been reading its answer for
/// longer than the patience. A connection that makes progress is never displaced.
pub(super) struct Slots {
    capacity: usize,
    patience: Duration,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next_id: u64,
    /// By id, so the oldest first.
    taken: BTreeMap<u64, Taken>,
}

struct Taken {
    /// `None` until the whole request has arrived.
    answering_since: Option<Instant>,
    give_way: CancellationToken,
    closed: CancellationToken,
}

/// A connection's slot. Dropping it frees it.
pub(super) struct Slot {
    id: u64,
    slots: Arc<Slots>,
    give_way: CancellationToken,
    closed: CancellationToken,
}

/// The result of a request for a slot.
pub(super) enum Admission {
    Free(Slot),
    /// Another connection is displaced. It is closed when the token is cancelled.
    Displacing(Slot, CancellationToken),
    /// All others make progress.
    Refused,
}

impl Slots {
    pub(super) fn new(capacity: usize, patience: Duration) -> Arc<Self> {
        Arc::new(Self { capacity, patience, table: Mutex::default() })
    }

    pub(super) fn take(self: &Arc<Self>, now: Instant) -> Admission {
        let mut table = self.table();
        let mut displaced = None;
        if table.taken.len() >= self.capacity {
            let Some(oldest) = table.idle(now, self.patience).and_then(|id| table.taken.remove(&id)) else {
                return Admission::Refused;
            };
            oldest.give_way.cancel();
            displaced = Some(oldest.closed);
        }
        let (id, give_way, closed) = (table.next_id, CancellationToken::new(), CancellationToken::new());
        table.next_id += 1;
        let taken = Taken { answering_since: None, give_way: give_way.clone(), closed: closed.clone() };
        table.taken.insert(id, taken);
        let slot = Slot { id, slots: Arc::clone(self), give_way, closed };
        match displaced {
            Some(closed) => Admission::Displacing(slot, closed),
            None => Admission::Free(slot),
        }
    }

    /// Closes every connection whose request has not arrived.
    pub(super) fn close_waiting(&self) {
        for taken in self.table().taken.values().filter(|taken| taken.answering_since.is_none()) {
            taken.give_way.cancel();
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn idle(&self, now: Instant, patience: Duration) -> Option<u64> {
        let oldest = |gives_way: &dyn Fn(&Taken) -> bool| {
            self.taken.iter().find(|(_, taken)| gives_way(taken)).map(|(id, _)| *id)
        };
        let is_slow = |since: Instant| now.duration_since(since) > patience;
        oldest(&|taken| taken.answering_since.is_none())
            .or_else(|| oldest(&|taken| taken.answering_since.is_some_and(is_slow)))
    }
}

impl Slot {
    /// The whole request has arrived.
    pub(super) fn request_arrived(&self, now: Instant) {
        if let Some(taken) = self.slots.table().taken.get_mut(&self.id) {
            taken.answering_since = Some(now);
        }
    }

    /// Returns when another connection takes the slot.
    pub(super) async fn must_give_way(&self) {
        self.give_way.cancelled().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.table().taken.remove(&self.id);
        self.closed.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn slot(admission: Admission) -> Slot {
        match admission {
            Admission::Free(slot) | Admission::Displacing(slot, _) => slot,
            Admission::Refused => panic!("refused"),
        }
    }

    fn gives_way(slot: &Slot) -> bool {
        slot.give_way.is_cancelled()
    }

    #[test]
    fn the_oldest_without_a_whole_request_gives_way_and_those_with_one_do_not() {
        let (slots, now) = (Slots::new(3, PATIENCE), Instant::now());
        let [answering, older, newer] = [0; 3].map(|_| slot(slots.take(now)));
        answering.request_arrived(now);
        let Admission::Displacing(next, closed) = slots.take(now) else { panic!("a slot is made") };
        assert!(!closed.is_cancelled());
        assert_eq!([&answering, &older, &newer, &next].map(gives_way), [false, true, false, false]);
        // Its end does not free a slot a second time.
        drop(older);
        assert!(closed.is_cancelled());
        assert!(matches!(slots.take(now), Admission::Displacing(..)));
        assert!(gives_way(&newer));
    }

    #[test]
    fn when_all_have_a_whole_request_only_one_that_was_given_its_time_gives_way() {
        let (slots, now) = (Slots::new(2, PATIENCE), Instant::now());
        let [first, second] = [0; 2].map(|_| slot(slots.take(now)));
        second.request_arrived(now);
        first.request_arrived(now + Duration::from_secs(1));
        assert!(matches!(slots.take(now + PATIENCE), Admission::Refused));
        let Admission::Displacing(_third, _) = slots.take(now + PATIENCE + Duration::from_millis(1)) else {
            panic!("a slot is made")
        };
        assert_eq!([&first, &second].map(gives_way), [false, true]);
    }

    #[test]
    fn a_place_is_given_back() {
        let (slots, now) = (Slots::new(1, PATIENCE), Instant::now());
        for _ in 0..3 {
            let Admission::Free(slot) = slots.take(now) else { panic!("it is free") };
            slot.request_arrived(now);
            assert!(matches!(slots.take(now), Admission::Refused));
        }
    }

    #[test]
    fn a_stop_closes_those_that_wait_alone() {
        let (slots, now) = (Slots::new(2, PATIENCE), Instant::now());
        let [waiting, answering] = [0; 2].map(|_| slot(slots.take(now)));
        answering.request_arrived(now);
        slots.close_waiting();
        assert_eq!([&waiting, &answering].map(gives_way), [true, false]);
    }
}
