//! Tokens that were verified before, so that a caller's second request costs no signature check.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::caller::Caller;
use super::heap_block::{arc_block, heap_block};
use super::verify::VerifiedToken;

/// What an entry takes in the cache's tables: a slot with key, value and 16 bytes of the cache's own, and half of
/// another slot, because the cache keeps traces of tokens that it let go, half as many as tokens. For each slot a hash
/// table has 5 bytes, and is three quarters full on average.
const ENTRY_TABLE_BYTES: usize = {
    let slot = size_of::<TokenDigest>() + size_of::<VerifiedToken>() + 16;
    let hashed = 5 * 4 / 3 + 1;
    (slot + hashed) * 3 / 2
};

/// What a workload takes beside its name.
const WORKLOAD_BYTES: usize = heap_block(64);

/// The size that the cache's tables are laid out for; a wrong guess only costs them a resize.
const USUAL_ENTRY_BYTES: u64 = 1_024;

/// SHA-256 of a whole token, signature included. Nothing shorter will do: whoever finds a second token with the key of
/// a first one is taken for its owner.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub(super) fn new(token: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(bytes)
    }
}

/// The tokens, bounded by the memory that they take.
///
/// # Invariants
///
/// Only accepted tokens get in, so that a flood of forged ones drives nobody out. Only the authentication is
/// remembered, never a decision: a new policy holds for the next call. Every hit is checked for its times and for the
/// generation of its issuer's keys.
pub(super) struct VerifiedTokens {
    cache: Option<Cache<TokenDigest, VerifiedToken, ByBytes>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// The state of the token cache at one moment, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenCacheStatus {
    /// How many tokens are remembered.
    pub tokens: usize,
    /// The memory that they take, in bytes.
    pub bytes: u64,
    /// How many calls brought a token that was remembered and still good.
    pub hits: u64,
    /// How many did not.
    pub misses: u64,
}

impl VerifiedTokens {
    /// A cache of at most so many bytes. 0 remembers nothing.
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

/// Weighs a token by the memory that it takes: each of its pieces on the heap, and its share of the cache's tables.
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
