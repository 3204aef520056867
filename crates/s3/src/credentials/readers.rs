//! The access keys that read, which must not sign uploads.

use std::sync::Arc;

use super::cache::CredentialsCache;
use super::snapshot::CredentialsSnapshot;

/// The credentials that sign downloads, of all buckets.
#[derive(Debug)]
pub(crate) struct Readers(Vec<Arc<CredentialsCache>>);

impl Readers {
    /// Takes credentials, of which several may be the same.
    pub(crate) fn new(all: impl IntoIterator<Item = Arc<CredentialsCache>>) -> Self {
        let mut readers: Vec<Arc<CredentialsCache>> = Vec::new();
        for cache in all {
            if !readers.iter().any(|known| Arc::ptr_eq(known, &cache)) {
                readers.push(cache);
            }
        }
        Self(readers)
    }

    /// Whether `held`, which come from `uploads`, may sign uploads beside the reader of the same object. Where uploads have
    /// credentials of their own, those must not hold an access key that reads, here or in another bucket (after a rotation
    /// of files, say): an upload URL that they sign could be used to read. As long as the object's reader is not known,
    /// nothing is sure.
    pub(crate) fn permit_uploads_by(
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

/// Whether both hold the same access key at the moment, from wherever they were read.
pub(crate) fn have_same_key(left: &CredentialsCache, right: &CredentialsCache) -> bool {
    let (left, right) = (left.snapshot(), right.snapshot());
    left.zip(right).is_some_and(|(left, right)| left.access_key_id() == right.access_key_id())
}
