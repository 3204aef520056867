//! The active and the previous credentials.

use std::sync::Arc;
use std::time::SystemTime;

use crate::credentials::snapshot::CredentialsSnapshot;

/// The active credentials, and at most one previous set.
///
/// Previous credentials are kept only if they are temporary: those stay valid until they expire. Keys without an expiry
/// may be deleted as soon as they are replaced.
#[derive(Debug)]
pub(super) struct HeldCredentials {
    pub(super) current: Arc<CredentialsSnapshot>,
    previous: Option<Arc<CredentialsSnapshot>>,
}

impl HeldCredentials {
    /// Makes credentials the active ones.
    pub(super) fn replace(before: Option<&Self>, current: CredentialsSnapshot, now: SystemTime) -> Self {
        let previous = before.map(|before| Arc::clone(&before.current));
        let kept = previous.filter(|previous| previous.expiry().is_some() && signs(previous, now));
        Self { current: Arc::new(current), previous: kept }
    }

    /// The same without expired previous credentials, or `None` if there are none to drop.
    pub(super) fn without_expired(&self, now: SystemTime) -> Option<Self> {
        let ended = self.previous.as_ref().is_some_and(|previous| !signs(previous, now));
        ended.then(|| Self { current: Arc::clone(&self.current), previous: None })
    }

    /// See [`snapshot_for_window`](super::CredentialsCache::snapshot_for_window).
    pub(super) fn for_window(&self, start: SystemTime, end: SystemTime, now: SystemTime) -> &Arc<CredentialsSnapshot> {
        let lasts = |previous: &&Arc<CredentialsSnapshot>| signs(previous, now) && previous.covers(end);
        let replaced_since = self.current.loaded_at() > start;
        let previous = self.previous.as_ref().filter(|_| replaced_since).filter(lasts);
        previous.unwrap_or(&self.current)
    }
}

fn signs(snapshot: &CredentialsSnapshot, now: SystemTime) -> bool {
    !snapshot.usable_for(now).is_zero()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_credential_types::Credentials;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
    }

    fn snapshot(id: &str, loaded_at: u64, expiry: Option<u64>) -> CredentialsSnapshot {
        CredentialsSnapshot::new(Credentials::new(id, "secret", None, expiry.map(at), "test"), at(loaded_at)).unwrap()
    }

    /// Credentials loaded at 100, replaced at 1,000.
    fn replaced(expiry_of_the_first: Option<u64>) -> HeldCredentials {
        let first = HeldCredentials::replace(None, snapshot("A", 100, expiry_of_the_first), at(100));
        HeldCredentials::replace(Some(&first), snapshot("B", 1_000, Some(9_000)), at(1_000))
    }

    fn is_previous(held: &HeldCredentials, start: u64, end: u64, now: u64) -> bool {
        !Arc::ptr_eq(held.for_window(at(start), at(end), at(now)), &held.current)
    }

    #[test]
    fn credentials_of_before_the_replacement_serve_a_window_that_began_before_it() {
        let held = replaced(Some(2_000));
        assert!(is_previous(&held, 900, 1_900, 1_200));
        assert!(is_previous(&held, 999, 1_900, 1_200));
        assert!(!is_previous(&held, 1_000, 1_900, 1_200), "the window began with the new ones");
    }

    #[test]
    fn credentials_that_came_within_the_window_serve_the_rest_of_it() {
        assert!(is_previous(&replaced(Some(2_000)), 99, 1_900, 1_200));
    }

    #[test]
    fn previous_credentials_must_last_to_the_end_of_the_window_with_the_margin_kept() {
        let held = replaced(Some(2_000));
        assert!(is_previous(&held, 900, 1_970, 1_200));
        assert!(!is_previous(&held, 900, 1_971, 1_200));
        assert!(!is_previous(&held, 900, 1_100, 1_970), "they cannot sign now");
    }

    #[test]
    fn keys_without_an_end_are_not_kept() {
        assert!(replaced(None).previous.is_none());
    }

    #[test]
    fn one_previous_set_is_kept_until_it_ends() {
        let held = replaced(Some(2_000));
        assert!(held.without_expired(at(1_969)).is_none());
        assert!(held.without_expired(at(1_970)).unwrap().previous.is_none());
        let held = HeldCredentials::replace(Some(&held), snapshot("C", 1_500, Some(9_000)), at(1_500));
        assert_eq!(held.previous.as_ref().unwrap().loaded_at(), at(1_000));
        assert!(HeldCredentials::replace(Some(&held), snapshot("D", 8_990, None), at(8_990)).previous.is_none());
    }
}
