//! Parts of answers that a client has not read yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many ages are distinguished.
const AGES: usize = 8;

/// After how many clock steps a part is late. It is one more than the steps of the time limit, because a part may be
/// made right before a step.
const LATE: usize = 5;

/// How many clock steps the time limit has.
pub(super) const STEPS: u32 = 4;

/// Counts the parts of answers that one connection still has to send, by age.
///
/// The HTTP/2 library keeps what does not fit into the client's window or the transport, and the call's task may have
/// ended by then. So each part has a count with it.
#[derive(Debug, Default)]
pub(crate) struct Undelivered {
    step: AtomicU32,
    by_age: [AtomicU32; AGES],
}

impl Undelivered {
    /// Counts a part until the returned value is dropped.
    #[must_use]
    pub(crate) fn count(self: &Arc<Self>) -> UndeliveredPart {
        let index = self.step.load(Ordering::Relaxed) as usize % AGES;
        if let Some(count) = self.by_age.get(index) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        UndeliveredPart { owed: Arc::clone(self), index }
    }

    /// One clock step. Returns whether the client has left a part unread for longer than the whole time limit, which
    /// has four steps.
    pub(crate) fn step(&self) -> bool {
        let step = self.step.fetch_add(1, Ordering::Relaxed) as usize + 1;
        let is_late = |age: usize| {
            let count = self.by_age.get((step + AGES - age) % AGES);
            count.is_some_and(|count| count.load(Ordering::Relaxed) > 0)
        };
        (LATE..AGES).any(is_late)
    }
}

/// A part of an answer that is being sent.
#[derive(Debug)]
pub(crate) struct UndeliveredPart {
    owed: Arc<Undelivered>,
    index: usize,
}

impl Drop for UndeliveredPart {
    fn drop(&mut self) {
        if let Some(count) = self.owed.by_age.get(self.index) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_late_after_the_time_limit_and_not_before() {
        for born_after in 0..10 {
            let owed = Arc::new(Undelivered::default());
            for _ in 0..born_after {
                assert!(!owed.step());
            }
            let part = owed.count();
            let steps: Vec<bool> = (0..6)
                .map(|_| {
                    drop(owed.count());
                    owed.step()
                })
                .collect();
            assert_eq!(steps, [false, false, false, false, true, true], "born after {born_after}");
            drop(part);
            assert!(!owed.step());
        }
    }

    #[test]
    fn a_client_that_takes_every_part_is_never_late() {
        let owed = Arc::new(Undelivered::default());
        let mut parts = Vec::new();
        for _ in 0..100 {
            parts.push(owed.count());
            parts.retain(|part| part.index == owed.step.load(Ordering::Relaxed) as usize % AGES);
            assert!(!owed.step());
        }
    }
}
