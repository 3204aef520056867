//! Prevents access keys that are used to read from signing uploads.

use std::sync::Arc;

use super::cache::CredentialsCache;
use super::snapshot::CredentialsSnapshot;

/// The credentials of downloads of all buckets.
#[derive(Debug)]
pub(crate) struct Readers(Vec<Arc<CredentialsCache>>);

impl Readers {
    /// Takes credentials, which may be repeated.
    pub(crate) fn new(all: impl IntoIterator<Item = Arc<CredentialsCache>>) -> Self {
        let mut readers: Vec<Arc<CredentialsCache>> = Vec::new();
        for cache in all {
            if !readers.iter().any(|known| Arc::ptr_eq(known, &cache)) {
                readers.push(cache);
            }
        }
        Self(readers)
    }

    /// Whether `held`, the credentials of `uploads`, may sign uploads. Separate credentials of uploads must not hold an
    /// access key that is used to read, in this or another bucket (for instance after a rotation of files): an upload
    /// URL could be changed to read. While the credentials of the object's downloads are unknown, the answer is no.
    pub(crate) fn may_sign_uploads(
        &self,
        held: &CredentialsSnapshot,
        uploads: &Arc<CredentialsCache>,
        reader: &Arc<CredentialsCache>,
    ) -> bool {
        if Arc::ptr_eq(reader, uploads) {
            return true;
        }
        let is_another = |reader: &CredentialsSnapshot| reader.access_key_id() != held.access_key_id();
        let own = reader.snapshot().is_some_and(|reader| is_another(&reader));
        own && self.0.iter().filter_map(|reader| reader.snapshot()).all(|reader| is_another(&reader))
    }
}

/// Whether both hold the same access key now, from any sources.
pub(crate) fn have_same_key(left: &CredentialsCache, right: &CredentialsCache) -> bool {
    let (left, right) = (left.snapshot(), right.snapshot());
    left.zip(right).is_some_and(|(left, right)| left.access_key_id() == right.access_key_id())
}
