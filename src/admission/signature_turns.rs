//! The order of signature checks.
//!
//! A check takes tens of microseconds of a core and cannot be interrupted. In order of arrival, a peer that sends
//! forged tokens as fast as it can would take every core.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Waiting checks of one lane queue behind each other, and the lanes take turns. A lane is a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lane(pub u64);

/// A limited number of signature checks at a time, in turns by lane.
///
/// The number of waiting checks is limited too: each is an unauthenticated stream.
#[derive(Debug)]
pub(crate) struct SignatureTurns {
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    /// While slots are free, no lane waits.
    free: usize,
    /// Lanes in the order of their turns. No lane is empty.
    lanes: VecDeque<(Lane, VecDeque<oneshot::Sender<Turn>>)>,
    waiting: usize,
}

impl SignatureTurns {
    /// This many checks at a time, at least one.
    #[must_use]
    pub(crate) fn new(checks: usize) -> Arc<Self> {
        let queue = Queue { free: checks.max(1), lanes: VecDeque::new(), waiting: 0 };
        Arc::new(Self { queue: Mutex::new(queue) })
    }

    /// Waits for a turn. The caller of this function makes the check while it has the turn.
    pub(crate) async fn wait(self: &Arc<Self>, lane: Lane) -> Turn {
        match self.take_or_queue(lane) {
            Ok(turn) => turn,
            Err(queued) => match queued.await {
                Ok(turn) => turn,
                // Senders are kept until they are used, and this value keeps the queue.
                Err(_) => std::future::pending().await,
            },
        }
    }

    #[must_use]
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting
    }

    fn take_or_queue(self: &Arc<Self>, lane: Lane) -> Result<Turn, oneshot::Receiver<Turn>> {
        let mut queue = self.lock();
        if queue.free > 0 {
            queue.free -= 1;
            return Ok(Turn { turns: Some(Arc::clone(self)) });
        }
        let (sender, receiver) = oneshot::channel();
        queue.waiting += 1;
        match queue.lanes.iter_mut().find(|(other, _)| *other == lane) {
            Some((_, waiting)) => waiting.push_back(sender),
            None => queue.lanes.push_back((lane, VecDeque::from([sender]))),
        }
        Err(receiver)
    }

    /// Passes a turn on, or frees it.
    fn end(self: Arc<Self>) {
        loop {
            let next = {
                let mut queue = self.lock();
                let next = queue.next();
                if next.is_none() {
                    queue.free += 1;
                }
                next
            };
            let Some(next) = next else { return };
            // A waiter that gave up passes the turn on here.
            match next.send(Turn { turns: Some(Arc::clone(&self)) }) {
                Ok(()) => return,
                Err(turn) => turn.forget(),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No panic is possible between two changes that belong together.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let (lane, mut waiting) = self.lanes.pop_front()?;
        let next = waiting.pop_front();
        if !waiting.is_empty() {
            self.lanes.push_back((lane, waiting));
        }
        self.waiting -= usize::from(next.is_some());
        next
    }
}

/// A turn for one check. Dropping it passes it on.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Option<Arc<SignatureTurns>>,
}

impl Turn {
    /// Ends the turn without passing it on.
    fn forget(mut self) {
        self.turns = None;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take() {
            turns.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task;

    use super::*;

    /// Lets every task that can run do so.
    async fn settle() {
        for _ in 0..50 {
            task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn lanes_take_turns_however_many_wait_in_one() {
        let turns = SignatureTurns::new(1);
        let held = turns.wait(Lane(0)).await;
        let served = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for lane in [1, 1, 1, 1, 2, 3, 3] {
            let (turns, served) = (Arc::clone(&turns), Arc::clone(&served));
            tasks.push(tokio::spawn(async move {
                let _turn = turns.wait(Lane(lane)).await;
                served.lock().unwrap().push(lane);
            }));
            settle().await;
        }
        assert_eq!((turns.waiting(), served.lock().unwrap().len()), (7, 0));
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*served.lock().unwrap(), [1, 2, 3, 1, 3, 1, 1]);
        let queue = turns.lock();
        assert_eq!((queue.waiting, queue.free, queue.lanes.len()), (0, 1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_give_up_pass_their_turn_on() {
        let turns = SignatureTurns::new(1);
        let held = turns.wait(Lane(0)).await;
        for _ in 0..3 {
            let given_up = tokio::time::timeout(Duration::from_secs(1), turns.wait(Lane(1))).await;
            assert!(given_up.is_err());
        }
        let last = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.wait(Lane(1)).await }
        });
        settle().await;
        drop(held);
        drop(last.await.unwrap());
        assert_eq!(turns.lock().free, 1);
    }

    #[tokio::test]
    async fn so_many_at_a_time() {
        let turns = SignatureTurns::new(2);
        let (first, second) = (turns.wait(Lane(1)).await, turns.wait(Lane(1)).await);
        let third = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.wait(Lane(2)).await }
        });
        settle().await;
        assert!(!third.is_finished());
        drop(first);
        let third = third.await.unwrap();
        drop((second, third));
        assert_eq!(turns.lock().free, 2);
    }
}
