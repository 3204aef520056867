//! Create-only uploads under way.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The keys that some upload with `If-None-Match: *` is about to create.
///
/// `s3s-fs` looks whether the object exists before it reads the content, so that two uploads at once would both create
/// it.
#[derive(Debug, Clone, Default)]
pub(super) struct Creations(Arc<Mutex<HashSet<String>>>);

impl Creations {
    /// Claims a key until the claim is dropped, or `None` while another upload holds it.
    pub(super) fn claim(&self, key: &str) -> Option<Claim> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key.to_owned()).then(|| Claim { creations: self.clone(), key: key.to_owned() })
    }
}

/// The right to create an object. It ends with the upload, also with one that is cut.
#[derive(Debug)]
pub(super) struct Claim {
    creations: Creations,
    key: String,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.creations.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_claimed_by_one_upload_at_a_time() {
        let creations = Creations::default();
        let claim = creations.claim("a").unwrap();
        assert!(creations.claim("a").is_none());
        assert!(creations.claim("b").is_some());
        drop(claim);
        assert!(creations.claim("a").is_some());
    }
}
