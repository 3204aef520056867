//! The cache of verified tokens, so that a second request with a token needs no signature check.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::caller::Caller;
use super::heap_block::{arc_block, heap_block};
use super::verify::VerifiedToken;

/// The size of an entry in the cache's tables: a slot with key, value and 16 bytes of the cache, and half of another
/// slot, because the cache keeps ghost entries of evicted tokens, half as many as tokens. The hash table has 5 bytes
/// per slot, and is three quarters full on average.
const ENTRY_TABLE_BYTES: usize = {
    let slot = size_of::<TokenDigest>() + size_of::<VerifiedToken>() + 16;
    let hashed = 5 * 4 / 3 + 1;
    (slot + hashed) * 3 / 2
};

/// The size of a workload without its name.
const WORKLOAD_BYTES: usize = heap_block(64);

/// The entry size that the cache's tables are allocated for; a wrong estimate only causes a resize.
const USUAL_ENTRY_BYTES: u64 = 1_024;

/// SHA-256 of a whole token, signature included. It must resist collisions: a second token with the same digest would
/// be accepted as the first one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub(super) fn new(token: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(bytes)
    }
}

/// The verified tokens, bounded by their memory.
///
/// # Invariants
///
/// Only accepted tokens are inserted, so that a flood of forged ones evicts none. Only the authentication is cached,
/// never a decision: a new policy applies to the next call. At each hit the token's times and the generation of its
/// issuer's keys are checked.
pub(super) struct VerifiedTokens {
    cache: Option<Cache<TokenDigest, VerifiedToken, ByBytes>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// The state of the token cache at one moment, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenCacheStatus {
    /// The number of cached tokens.
    pub tokens: usize,
    /// Their memory, in bytes.
    pub bytes: u64,
    /// The number of calls with a cached token that was still valid.
    pub hits: u64,
    /// The number of other calls.
    pub misses: u64,
}

impl VerifiedTokens {
    /// A cache of at most this number of bytes. 0 caches no token.
    pub(super) fn with_capacity(bytes: u64) -> Self {
        let expected_tokens = usize::try_from(bytes / USUAL_ENTRY_BYTES).unwrap_or(usize::MAX);
        let cache = (bytes > 0).then(|| Cache::with_weighter(expected_tokens, bytes, ByBytes));
        Self { cache, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    pub(super) fn get(&self, digest: &TokenDigest) -> Option<VerifiedToken> {
        self.cache.as_ref()?.get(digest)
    }

    pub(super) fn insert(&self, digest: TokenDigest, token: VerifiedToken) {
        if let Some(cache) = &self.cache {
            cache.insert(digest, token);
        }
    }

    pub(super) fn forget(&self, digest: &TokenDigest) {
        if let Some(cache) = &self.cache {
            cache.remove(digest);
        }
    }

    pub(super) fn count_hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn status(&self) -> TokenCacheStatus {
        let (tokens, bytes) = self.cache.as_ref().map_or((0, 0), |cache| (cache.len(), cache.weight()));
        let (hits, misses) = (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed));
        TokenCacheStatus { tokens, bytes, hits, misses }
    }
}

impl fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedTokens").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// Weighs a token by its memory: its heap allocations, and its share of the cache's tables.
#[derive(Debug, Clone, Copy)]
struct ByBytes;

impl Weighter<TokenDigest, VerifiedToken> for ByBytes {
    fn weight(&self, _: &TokenDigest, token: &VerifiedToken) -> u64 {
        let identity = token.caller.token().map_or(0, |identity| identity.heap_bytes());
        let workload =
            token.caller.workload().map_or(0, |workload| WORKLOAD_BYTES + heap_block(workload.as_str().len()));
        let bound_to = token.bound_to.as_deref().map_or(0, |thumbprint| heap_block(size_of_val(thumbprint)));
        (ENTRY_TABLE_BYTES + arc_block::<Caller>() + identity + workload + bound_to) as u64
    }
}

#[cfg(test)]
mod tests;
