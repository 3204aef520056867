//! An immutable set of credentials, ready to sign.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use zeroize::Zeroizing;

use super::error::CredentialsError;
use crate::sigv4::SigningTime;
use crate::sigv4::encoding::encoded_query;
use crate::sigv4::{SigningKey, SigningKeys};

/// How long before their expiry credentials stop signing: S3 has another clock, and a request needs time to arrive.
pub(crate) const SIGNING_MARGIN: Duration = Duration::from_secs(30);

/// Immutable credentials with the keys that are derived from them. The secret and the session token are zeroed on drop.
pub struct CredentialsSnapshot {
    credentials: Credentials,
    loaded_at: SystemTime,
    encoded_session_token: Option<Zeroizing<String>>,
    signing_keys: SigningKeys,
}

impl CredentialsSnapshot {
    /// Takes the credentials that a provider returned at `loaded_at`. Does not check whether they have expired.
    ///
    /// # Errors
    ///
    /// When the access key id or the secret is empty, or the access key id or the session token has invalid characters,
    /// such as a line feed.
    pub fn new(credentials: Credentials, loaded_at: SystemTime) -> Result<Self, CredentialsError> {
        if credentials.access_key_id().is_empty() || credentials.secret_access_key().is_empty() {
            return Err(CredentialsError::Incomplete);
        }
        let session_token = credentials.session_token().filter(|token| !token.is_empty());
        let is_visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_visible(credentials.access_key_id()) || !session_token.is_none_or(is_visible) {
            return Err(CredentialsError::Malformed);
        }
        let encoded_session_token = session_token.map(|token| Zeroizing::new(encoded_query(token)));
        Ok(Self { credentials, loaded_at, encoded_session_token, signing_keys: SigningKeys::new() })
    }

    /// Their expiry, from the provider. `None`: they do not expire, or the provider does not know it.
    #[must_use]
    pub fn expiry(&self) -> Option<SystemTime> {
        self.credentials.expiry()
    }

    /// The latest expiry of URLs that they sign: [`SIGNING_MARGIN`] before their own. `None`: they do not expire.
    #[must_use]
    pub(crate) fn signs_until(&self) -> Option<SystemTime> {
        // Credentials that expire within the first seconds of the epoch cannot sign.
        self.expiry().map(|expiry| expiry.checked_sub(SIGNING_MARGIN).unwrap_or(SystemTime::UNIX_EPOCH))
    }

    /// When they were loaded.
    #[must_use]
    pub const fn loaded_at(&self) -> SystemTime {
        self.loaded_at
    }

    /// How long they may sign from `now` on: up to [`SIGNING_MARGIN`] before their expiry, zero after that.
    #[must_use]
    pub(crate) fn usable_for(&self, now: SystemTime) -> Duration {
        self.expiry().map_or(Duration::MAX, |expiry| {
            expiry.duration_since(now).unwrap_or_default().saturating_sub(SIGNING_MARGIN)
        })
    }

    /// Whether they are temporary without a known expiry, so that a URL may stop working before its stated expiry.
    #[must_use]
    pub(crate) fn has_unknown_expiry(&self) -> bool {
        self.encoded_session_token.is_some() && self.expiry().is_none()
    }

    /// The credentials themselves, for the broker's own calls to S3.
    /// The access key.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.credentials.access_key_id()
    }

    pub(crate) const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Whether a URL that they sign may be valid until `end`.
    pub(super) fn covers(&self, end: SystemTime) -> bool {
        self.signs_until().is_none_or(|until| end <= until)
    }

    /// Whether they expire later than the others. Credentials without an expiry are later than any.
    pub(super) fn expires_after(&self, others: &Self) -> bool {
        match (self.expiry(), others.expiry()) {
            (Some(end), Some(other)) => end > other,
            (None, Some(_)) => true,
            (_, None) => false,
        }
    }

    /// Whether both have the same access key id, secret and session token.
    pub(super) fn has_keys_of(&self, others: &Self) -> bool {
        let (own, other) = (&self.credentials, &others.credentials);
        own.access_key_id() == other.access_key_id()
            && own.secret_access_key() == other.secret_access_key()
            && self.encoded_session_token == others.encoded_session_token
    }

    pub(crate) fn signing_key(&self, at: SigningTime, region: &Arc<str>) -> Arc<SigningKey> {
        self.signing_keys.get(&self.credentials, at, region)
    }

    pub(crate) fn encoded_session_token(&self) -> Option<&str> {
        self.encoded_session_token.as_ref().map(|token| token.as_str())
    }
}

impl fmt::Debug for CredentialsSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialsSnapshot").field("expiry", &self.expiry()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(id: &str, secret: &str, token: Option<&str>) -> Result<CredentialsSnapshot, CredentialsError> {
        CredentialsSnapshot::new(
            Credentials::new(id, secret, token.map(Into::into), None, "test"),
            SystemTime::UNIX_EPOCH,
        )
    }

    #[test]
    fn empty_parts_are_refused() {
        assert_eq!(snapshot("", "secret", None).unwrap_err(), CredentialsError::Incomplete);
        assert_eq!(snapshot("id", "", None).unwrap_err(), CredentialsError::Incomplete);
    }

    #[test]
    fn line_feeds_are_refused() {
        assert_eq!(snapshot("id\n", "secret", None).unwrap_err(), CredentialsError::Malformed);
        assert_eq!(snapshot("id", "secret", Some("token\n")).unwrap_err(), CredentialsError::Malformed);
    }

    #[test]
    fn empty_session_token_is_none() {
        assert!(snapshot("id", "secret", Some("")).unwrap().encoded_session_token().is_none());
    }

    #[test]
    fn session_token_without_an_end_is_noticed() {
        assert!(snapshot("id", "secret", Some("token")).unwrap().has_unknown_expiry());
        assert!(!snapshot("id", "secret", None).unwrap().has_unknown_expiry());
    }

    #[test]
    fn usable_time_ends_before_the_credentials_do() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let ending_in = |seconds| {
            let expiry = now + Duration::from_secs(seconds);
            CredentialsSnapshot::new(Credentials::new("id", "secret", None, Some(expiry), "test"), now).unwrap()
        };
        assert_eq!(ending_in(100).usable_for(now), Duration::from_secs(70));
        assert_eq!(ending_in(29).usable_for(now), Duration::ZERO);
        assert_eq!(ending_in(0).usable_for(now + Duration::from_secs(9)), Duration::ZERO);
        assert_eq!(snapshot("id", "secret", None).unwrap().usable_for(now), Duration::MAX);
    }

    #[test]
    fn debug_shows_no_part_of_the_credentials() {
        let text = format!("{:?}", snapshot("ACCESSKEYID", "SECRETKEY", Some("SESSIONTOKEN")).unwrap());
        assert_eq!(text, "CredentialsSnapshot { expiry: None, .. }");
    }
}
