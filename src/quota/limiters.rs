//! The limit states by key, created on first use.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quick_cache::sync::{Cache, EntryAction, EntryResult};

use super::RateLimit;
use super::gcra::{Gcra, Nanos};

/// A compact caller id: 32 hexadecimal digits fit into 16 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum CallerKey {
    /// 32 hexadecimal digits in lower case.
    Digits([u8; 16]),
    /// Any other id.
    Text(Box<str>),
}

impl CallerKey {
    pub(super) fn new(caller_id: &str) -> Self {
        digits(caller_id.as_bytes()).map_or_else(|| Self::Text(caller_id.into()), Self::Digits)
    }
}

fn digits(text: &[u8]) -> Option<[u8; 16]> {
    let text: &[u8; 32] = text.try_into().ok()?;
    let (pairs, _) = text.as_chunks::<2>();
    let mut bytes = [0; 16];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(bytes)
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// The limits of callers. Above `capacity`, the least used are removed, so that memory is bounded; such a caller starts
/// again with a full burst.
pub(super) struct CallerLimiters<K> {
    cache: Cache<K, Gcra>,
}

impl<K: Eq + Hash + Clone> CallerLimiters<K> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { cache: Cache::new(capacity) }
    }

    /// Counts one call of this key, or returns the time to wait. A count under a different limit, from before a policy
    /// change, is discarded.
    pub(super) fn count_one(&self, key: &K, limit: RateLimit, now: Nanos) -> Result<(), Duration> {
        let count_known = |_: &K, known: &mut Gcra| {
            *known = known.with_limit(limit, now);
            EntryAction::<Result<(), Duration>>::Retain(known.count_one(now))
        };
        match self.cache.entry(key, None, count_known) {
            EntryResult::Retained(counted) => counted,
            EntryResult::Vacant(place) => {
                let mut new = Gcra::new(limit, now);
                let counted = new.count_one(now);
                // A new entry can be evicted by others immediately.
                let _kept = place.insert(new);
                counted
            }
            // Not used here: nothing is removed or replaced, and there is no time limit.
            EntryResult::Removed(..) | EntryResult::Replaced(..) | EntryResult::Timeout => Ok(()),
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.cache.len()
    }

    /// The memory that the tables take, in bytes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.cache.memory_used().total()
    }
}

/// The limits of tiers. They are never removed: there are as many as the policy files have had.
pub(super) struct TierLimiters(Mutex<HashMap<Arc<str>, Gcra>>);

impl TierLimiters {
    pub(super) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    /// Counts one call of this tier, or returns the time to wait.
    pub(super) fn count_one(&self, tier: &Arc<str>, limit: RateLimit, now: Nanos) -> Result<(), Duration> {
        let mut limiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = limiters.get_mut(tier) {
            *known = known.with_limit(limit, now);
            return known.count_one(now);
        }
        let mut new = Gcra::new(limit, now);
        let counted = new.count_one(now);
        limiters.insert(Arc::clone(tier), new);
        counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_with_different_ids_have_different_keys() {
        let ids = [
            "4f0c2b7d8e915a6c3d20f1b7a8e4c596",
            "4F0C2B7D8E915A6C3D20F1B7A8E4C596",
            "4f0c2b7d8e915a6c3d20f1b7a8e4c597",
            "4f0c2b7d8e915a6c3d20f1b7a8e4c59",
            "4f0c2b7d8e915a6c3d20f1b7a8e4c59g",
            "04f0c2b7d8e915a6c3d20f1b7a8e4c596",
            "",
        ];
        let keys: std::collections::HashSet<_> = ids.map(CallerKey::new).into();
        assert_eq!(keys.len(), ids.len());
        let digits = [0x4F, 0x0C, 0x2B, 0x7D, 0x8E, 0x91, 0x5A, 0x6C, 0x3D, 0x20, 0xF1, 0xB7, 0xA8, 0xE4, 0xC5, 0x96];
        assert_eq!(CallerKey::new(ids[0]), CallerKey::Digits(digits));
    }
}
