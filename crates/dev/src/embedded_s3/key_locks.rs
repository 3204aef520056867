//! Serializes the changes of one object.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// The right to change an object, until it is dropped.
pub(super) type WriteGuard = OwnedRwLockWriteGuard<()>;

/// More than the number of changes in flight on one machine.
const LOCKS: usize = 256;

/// A lock for each key. An object consists of several files, and it changes only while its lock is held for writing.
///
/// An upload takes the lock after its content has arrived, so that a slow upload delays no other. Keys share locks:
/// that costs an occasional wait, and no lock has to be removed. A task that holds one lock must not take another.
#[derive(Debug, Clone)]
pub(super) struct KeyLocks {
    locks: Arc<[Arc<RwLock<()>>]>,
    hasher: RandomState,
}

impl KeyLocks {
    pub(super) fn new() -> Self {
        Self { locks: (0..LOCKS).map(|_| Arc::default()).collect(), hasher: RandomState::new() }
    }

    /// Prevents changes of the object until the guard is dropped.
    pub(super) async fn read(&self, key: &str) -> OwnedRwLockReadGuard<()> {
        self.lock(key).read_owned().await
    }

    /// Waits until no other task reads or changes the object.
    pub(super) async fn write(&self, key: &str) -> WriteGuard {
        self.lock(key).write_owned().await
    }

    fn lock(&self, key: &str) -> Arc<RwLock<()>> {
        let slot = usize::try_from(self.hasher.hash_one(key) % LOCKS as u64).unwrap_or_default();
        self.locks.get(slot).map(Arc::clone).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_is_changed_by_one_at_a_time() {
        let locks = KeyLocks::new();
        let guard = locks.write("a").await;
        assert!(locks.lock("a").try_read().is_err());
        drop(guard);
        let _reader = locks.read("a").await;
        assert!(locks.lock("a").try_read().is_ok() && locks.lock("a").try_write().is_err());
    }
}
