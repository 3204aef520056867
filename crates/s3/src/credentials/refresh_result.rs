//! The result of asking a provider once.

use std::time::{Duration, SystemTime};

use super::snapshot::CredentialsSnapshot;

/// The result of asking a provider once.
///
/// Credentials "cover" if they are valid for the longest lifetime of URLs that the policy permits, plus a margin of 30
/// seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshResult {
    /// Other credentials, which cover and do not expire earlier than those before.
    Renewed,
    /// The same credentials, and they still cover.
    Unchanged,
    /// The same credentials, which no longer cover. The provider should have renewed them.
    Stale,
    /// Other credentials that expire earlier than those before, or that do not cover although they are new.
    Shortened,
    /// The same keys and session token with a later expiry. The SDK's provider for instance metadata returns this for
    /// expired credentials when that service fails; S3 may refuse them.
    Extended,
    /// An error, a timeout, or credentials that cannot sign. The active credentials stay.
    Failed,
}

impl RefreshResult {
    /// Every result.
    pub const ALL: [Self; 6] =
        [Self::Renewed, Self::Unchanged, Self::Stale, Self::Shortened, Self::Extended, Self::Failed];

    /// The result's name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::Unchanged => "unchanged",
            Self::Stale => "stale",
            Self::Shortened => "shortened",
            Self::Extended => "extended",
            Self::Failed => "failed",
        }
    }

    /// Compares the provider's credentials with the active ones at `now`.
    pub(super) fn compare(
        given: &CredentialsSnapshot,
        held: Option<&CredentialsSnapshot>,
        longest_url_life: Duration,
        now: SystemTime,
    ) -> Self {
        let usable = given.usable_for(now);
        let covers = usable >= longest_url_life;
        let same_keys = held.filter(|held| held.has_keys_of(given));
        if same_keys.is_some_and(|held| held.expiry() == given.expiry()) {
            return if covers { Self::Unchanged } else { Self::Stale };
        }
        if usable.is_zero() {
            return Self::Failed;
        }
        if same_keys.is_some_and(|held| given.expiry().is_some() && given.expires_after(held)) {
            return Self::Extended;
        }
        let ends_earlier = held.is_some_and(|held| held.expires_after(given));
        if ends_earlier || !covers { Self::Shortened } else { Self::Renewed }
    }

    /// Whether the answer shows a fault of the provider.
    pub(super) const fn is_suspect(self) -> bool {
        matches!(self, Self::Stale | Self::Shortened | Self::Extended)
    }

    /// Whether other credentials become active.
    pub(super) const fn replaces(self) -> bool {
        matches!(self, Self::Renewed | Self::Shortened | Self::Extended)
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }

    fn snapshot(id: &str, secret: &str, life: Option<Duration>) -> CredentialsSnapshot {
        let expiry = life.map(|life| now() + life);
        CredentialsSnapshot::new(Credentials::new(id, secret, None, expiry, "test"), now()).unwrap()
    }

    /// With URLs of an hour.
    fn judged(held: Option<&CredentialsSnapshot>, given: &CredentialsSnapshot) -> RefreshResult {
        RefreshResult::compare(given, held, HOUR, now())
    }

    #[test]
    fn first_credentials_are_renewed_or_too_short() {
        assert_eq!(judged(None, &snapshot("A", "secret", None)), RefreshResult::Renewed);
        assert_eq!(judged(None, &snapshot("A", "secret", Some(2 * HOUR))), RefreshResult::Renewed);
        assert_eq!(judged(None, &snapshot("A", "secret", Some(HOUR))), RefreshResult::Shortened, "the margin counts");
        assert_eq!(judged(None, &snapshot("A", "secret", Some(Duration::ZERO))), RefreshResult::Failed);
    }

    #[test]
    fn same_credentials_are_unchanged_until_they_no_longer_cover_the_longest_url() {
        for (life, expected) in [
            (None, RefreshResult::Unchanged),
            (Some(2 * HOUR), RefreshResult::Unchanged),
            (Some(HOUR), RefreshResult::Stale),
            (Some(Duration::ZERO), RefreshResult::Stale),
        ] {
            let (held, given) = (snapshot("A", "secret", life), snapshot("A", "secret", life));
            assert_eq!(judged(Some(&held), &given), expected, "{life:?}");
        }
    }

    #[test]
    fn same_keys_with_a_later_end_are_extended() {
        let held = snapshot("A", "secret", Some(Duration::from_secs(1)));
        assert_eq!(judged(Some(&held), &snapshot("A", "secret", Some(HOUR / 4))), RefreshResult::Extended);
    }

    #[test]
    fn new_secret_of_the_same_access_key_is_a_replacement() {
        let held = snapshot("A", "secret", None);
        assert_eq!(judged(Some(&held), &snapshot("A", "other", None)), RefreshResult::Renewed);
    }

    #[test]
    fn other_credentials_that_end_earlier_are_shortened() {
        let held = snapshot("A", "secret", Some(6 * HOUR));
        assert_eq!(judged(Some(&held), &snapshot("B", "secret", Some(5 * HOUR))), RefreshResult::Shortened);
        assert_eq!(judged(Some(&held), &snapshot("A", "secret", Some(5 * HOUR))), RefreshResult::Shortened);
        assert_eq!(judged(Some(&held), &snapshot("B", "secret", Some(6 * HOUR))), RefreshResult::Renewed);
        let endless = snapshot("A", "secret", None);
        assert_eq!(judged(Some(&endless), &snapshot("B", "secret", Some(5 * HOUR))), RefreshResult::Shortened);
        assert_eq!(judged(Some(&held), &endless), RefreshResult::Renewed);
    }

    #[test]
    fn every_result_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = RefreshResult::ALL.map(RefreshResult::name).into();
        assert_eq!(names.len(), RefreshResult::ALL.len());
    }
}
