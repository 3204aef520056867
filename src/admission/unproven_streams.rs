//! Unauthenticated streams.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// The purpose of an unauthenticated stream. Each kind has its own budget, so that none displaces another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnprovenKind {
    Health,
    /// Reflection, whose answers are large.
    Reflection,
    /// A call with a token that waits for a signing key or for its signature check.
    Pending,
    /// A request that was answered and is read to its end.
    Answered,
    /// A request that reaches no method.
    Other,
}

impl UnprovenKind {
    pub(crate) const ALL: [Self; 5] = [Self::Health, Self::Reflection, Self::Pending, Self::Answered, Self::Other];

    /// The name in metrics.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Reflection => "reflection",
            Self::Pending => "pending",
            Self::Answered => "answered",
            Self::Other => "other",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct UnprovenBudgets([Arc<UnprovenStreams>; 5]);

/// Reflection and requests that reach no method get this part of the other kinds' limit: people, tools and probes send
/// them, one stream at a time.
const SMALL_PART: usize = 8;

impl UnprovenBudgets {
    /// Budgets with nothing taken: for each kind a total limit and a limit per connection.
    #[must_use]
    pub(crate) fn new(limit: usize, per_connection: usize) -> Self {
        Self(UnprovenKind::ALL.map(|kind| match kind {
            UnprovenKind::Reflection | UnprovenKind::Other => {
                UnprovenStreams::new(limit.div_ceil(SMALL_PART), per_connection.div_ceil(SMALL_PART))
            }
            _ => UnprovenStreams::new(limit, per_connection),
        }))
    }

    #[must_use]
    pub(crate) const fn budget(&self, kind: UnprovenKind) -> &Arc<UnprovenStreams> {
        let Self([health, reflection, pending, answered, other]) = self;
        match kind {
            UnprovenKind::Health => health,
            UnprovenKind::Reflection => reflection,
            UnprovenKind::Pending => pending,
            UnprovenKind::Answered => answered,
            UnprovenKind::Other => other,
        }
    }
}

/// At most this part of the limit may be displaced streams that are still open.
const ENDING_PART: usize = 8;

/// The number of a connection, unique in this process.
pub(crate) type ConnectionId = u64;

/// Unauthenticated streams of one kind, with a total limit and a limit per connection.
///
/// When the total limit is reached, a connection with few streams takes the slot of the oldest stream of the connection
/// with the most: unauthenticated peers can only be distinguished by their connections.
#[derive(Debug)]
pub(crate) struct UnprovenStreams {
    limit: usize,
    per_connection: usize,
    open: Mutex<Open>,
    taken_away: AtomicU64,
}

#[derive(Debug, Default)]
struct Open {
    /// Without displaced streams.
    total: usize,
    /// Displaced streams that are still open.
    ending: usize,
    next: u64,
    /// Oldest first. Connections without such streams are not kept.
    by_connection: HashMap<ConnectionId, VecDeque<(u64, CancellationToken)>>,
}

/// The limit of unauthenticated streams is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the limit of unauthenticated streams is reached")]
pub(crate) struct NoRoom;

impl UnprovenStreams {
    #[must_use]
    pub(crate) fn new(limit: usize, per_connection: usize) -> Arc<Self> {
        Arc::new(Self { limit, per_connection, open: Mutex::default(), taken_away: AtomicU64::new(0) })
    }

    /// Counts one more stream until the returned value is dropped. `is_capped` says whether the limit per connection
    /// applies: it does not for a proxy that many peers share.
    ///
    /// # Errors
    ///
    /// When the connection's limit is reached; when the total limit is reached and no connection has more streams than
    /// this one would have; or when too many displaced streams are still open.
    pub(crate) fn take(self: &Arc<Self>, connection: ConnectionId, is_capped: bool) -> Result<UnprovenStream, NoRoom> {
        let mut open = self.lock();
        let own = open.by_connection.get(&connection).map_or(0, VecDeque::len);
        let has_room = !(is_capped && own >= self.per_connection)
            && (open.total < self.limit || self.take_from_the_largest(&mut open, own));
        if !has_room {
            return Err(NoRoom);
        }
        let (number, taken_away) = (open.next, CancellationToken::new());
        open.next += 1;
        open.total += 1;
        open.by_connection.entry(connection).or_default().push_back((number, taken_away.clone()));
        Ok(UnprovenStream { streams: Arc::clone(self), connection, number, taken_away })
    }

    #[must_use]
    pub(crate) fn open(&self) -> usize {
        self.lock().total
    }

    /// How many streams were displaced by another connection's.
    #[must_use]
    pub(crate) fn taken_away(&self) -> u64 {
        self.taken_away.load(Ordering::Relaxed)
    }

    fn take_from_the_largest(&self, open: &mut Open, own: usize) -> bool {
        // A displaced stream takes memory until it has ended.
        if open.ending > self.limit / ENDING_PART {
            return false;
        }
        let largest = open.by_connection.iter().max_by_key(|(_, streams)| streams.len());
        // If the difference were one, the two connections would displace each other's streams in turn.
        let Some(connection) = largest.filter(|(_, streams)| streams.len() > own + 1).map(|(id, _)| *id) else {
            return false;
        };
        let oldest = open.by_connection.get_mut(&connection).and_then(VecDeque::pop_front);
        if let Some((_, token)) = oldest {
            token.cancel();
            open.total -= 1;
            open.ending += 1;
            self.taken_away.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    fn give_back(&self, connection: ConnectionId, number: u64) {
        let mut open = self.lock();
        let streams = open.by_connection.get_mut(&connection);
        let found = streams.and_then(|streams| {
            let index = streams.binary_search_by_key(&number, |(number, _)| *number).ok()?;
            streams.remove(index);
            Some(streams.is_empty())
        });
        match found {
            Some(is_last) => {
                open.total -= 1;
                if is_last {
                    open.by_connection.remove(&connection);
                }
            }
            // It was displaced.
            None => open.ending -= 1,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // No panic is possible between two changes that belong together.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open unauthenticated stream. Dropping it frees its slot.
#[derive(Debug)]
pub(crate) struct UnprovenStream {
    streams: Arc<UnprovenStreams>,
    connection: ConnectionId,
    number: u64,
    taken_away: CancellationToken,
}

impl UnprovenStream {
    /// Returns when another connection takes the stream's slot. The stream must end then.
    #[must_use]
    pub(crate) const fn taken_away(&self) -> &CancellationToken {
        &self.taken_away
    }
}

impl Drop for UnprovenStream {
    fn drop(&mut self) {
        self.streams.give_back(self.connection, self.number);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_taken_away_counts_until_it_has_ended() {
        let streams = UnprovenStreams::new(16, 16);
        let mut held = take(&streams, 0, 16);
        for connection in 1..=3 {
            held.push(streams.take(connection, true).unwrap());
        }
        assert_eq!(streams.take(4, true).unwrap_err(), NoRoom, "three have not ended");
        held.remove(0);
        assert!(streams.take(4, true).is_ok());
        drop(held);
        let open = streams.lock();
        assert_eq!((open.total, open.ending, open.by_connection.len()), (0, 0, 0));
    }

    fn take(streams: &Arc<UnprovenStreams>, connection: ConnectionId, count: usize) -> Vec<UnprovenStream> {
        (0..count).map(|_| streams.take(connection, false).unwrap()).collect()
    }

    fn is_over(stream: &UnprovenStream) -> bool {
        stream.taken_away().is_cancelled()
    }

    #[test]
    fn a_connection_has_a_limit_of_its_own_unless_many_share_it() {
        let streams = UnprovenStreams::new(10, 2);
        let held: Vec<_> = (0..2).map(|_| streams.take(1, true).unwrap()).collect();
        assert_eq!(streams.take(1, true).unwrap_err(), NoRoom);
        assert!(streams.take(1, false).is_ok());
        assert!(streams.take(2, true).is_ok());
        assert_eq!(streams.open(), 2);
        assert!(streams.take(1, true).is_err());
        assert_eq!((streams.open(), streams.taken_away()), (2, 0));
        drop(held);
        assert_eq!((streams.open(), streams.lock().by_connection.len()), (0, 0));
    }

    #[test]
    fn a_newcomer_takes_the_oldest_stream_of_the_connection_that_has_most() {
        let streams = UnprovenStreams::new(6, 6);
        let (many, few) = (take(&streams, 1, 4), take(&streams, 2, 2));
        let newcomer = streams.take(3, true).unwrap();
        let over: Vec<bool> = many.iter().map(is_over).collect();
        assert_eq!(over, [true, false, false, false]);
        assert!(!few.iter().any(is_over) && !is_over(&newcomer));
        assert_eq!((streams.open(), streams.taken_away()), (6, 1));
        drop(many);
        assert_eq!(streams.open(), 3, "the one that was taken away is given back once");
    }

    #[test]
    fn connections_with_as_many_as_the_others_are_refused() {
        let streams = UnprovenStreams::new(4, 4);
        let held = [take(&streams, 1, 2), take(&streams, 2, 2)];
        assert_eq!(streams.take(1, true).unwrap_err(), NoRoom);
        // 0 and 2 become 1 and 1.
        let third = streams.take(3, true).unwrap();
        assert_eq!(streams.take(3, true).unwrap_err(), NoRoom, "1 and 2 would change places");
        assert!(!is_over(&third));
        assert_eq!(held.iter().flatten().filter(|stream| is_over(stream)).count(), 1);
    }

    #[test]
    fn no_kind_takes_the_places_of_another() {
        let budgets = UnprovenBudgets::new(16, 16);
        let held: Vec<_> = (0..16).map(|_| budgets.budget(UnprovenKind::Health).take(1, true).unwrap()).collect();
        assert!(budgets.budget(UnprovenKind::Health).take(1, true).is_err());
        let reflection = budgets.budget(UnprovenKind::Reflection);
        let reflecting = [reflection.take(1, true).unwrap(), reflection.take(1, true).unwrap()];
        assert!(reflection.take(1, true).is_err());
        assert!(budgets.budget(UnprovenKind::Pending).take(1, true).is_ok());
        assert!(budgets.budget(UnprovenKind::Answered).take(1, true).is_ok());
        let names: std::collections::BTreeSet<_> = UnprovenKind::ALL.map(UnprovenKind::name).into();
        assert_eq!(names.len(), 5);
        drop((held, reflecting));
    }

    proptest! {
        #[test]
        fn the_limits_hold_and_a_first_stream_is_refused_only_if_no_other_has_two(
            limit in 1_usize..20,
            steps in prop::collection::vec((0_u64..8, 0_u8..4), 0..300),
        ) {
            let streams = UnprovenStreams::new(limit, 5);
            let mut held: Vec<UnprovenStream> = Vec::new();
            for (connection, step) in steps {
                if step == 0 && !held.is_empty() {
                    held.remove(usize::try_from(connection).unwrap() % held.len());
                }
                held.retain(|stream| !is_over(stream));
                let own = held.iter().filter(|stream| stream.connection == connection).count();
                let most = (0..8).map(|other| held.iter().filter(|stream| stream.connection == other).count()).max();
                match streams.take(connection, true) {
                    Ok(stream) => held.push(stream),
                    // Here, displaced streams end at once.
                    Err(NoRoom) => prop_assert!(own >= 5 || most.unwrap() <= own + 1),
                }
                held.retain(|stream| !is_over(stream));
                prop_assert_eq!(streams.open(), held.len());
                prop_assert!(held.len() <= limit);
            }
            drop(held);
            prop_assert_eq!((streams.open(), streams.lock().by_connection.len()), (0, 0));
        }
    }
}
