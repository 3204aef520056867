//! The access keys that requests may be signed with.

use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::StatusCode;
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Error, S3Result, s3_error};

/// A key pair that the server accepts, permanently or with a session.
#[derive(Clone)]
pub struct AccessKey {
    /// The access key id, which every signature names.
    pub id: String,
    /// The secret access key, which is in no request.
    pub secret: String,
    /// For temporary credentials. `None`: the key does not expire, and a request must have no session token.
    pub session: Option<Session>,
}

/// The session of temporary credentials
/// ([AWS: temporary credentials](https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_use-resources.html)).
#[derive(Clone)]
pub struct Session {
    /// The value of `X-Amz-Security-Token`, in a header, in the query or in a form.
    pub token: String,
    /// The first instant at which the key is no longer accepted.
    pub expires_at: SystemTime,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("session", &self.session).finish_non_exhaustive()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone)]
pub(super) struct AccessKeys(Vec<AccessKey>);

impl AccessKeys {
    pub(super) const fn new(keys: Vec<AccessKey>) -> Self {
        Self(keys)
    }

    fn find(&self, id: &str) -> S3Result<&AccessKey> {
        self.0.iter().find(|key| key.id == id).ok_or_else(|| s3_error!(InvalidAccessKeyId))
    }

    /// Checks the session tokens, from any part of a request that was signed with the key `id`.
    pub(super) fn check_tokens(&self, id: &str, tokens: &[impl AsRef<[u8]>], now: SystemTime) -> S3Result<()> {
        let Some(session) = &self.find(id)?.session else {
            return if tokens.is_empty() { Ok(()) } else { Err(invalid_token()) };
        };
        let is_right = |token: &[u8]| verify_slices_are_equal(token, session.token.as_bytes()).is_ok();
        if tokens.is_empty() || !tokens.iter().all(|token| is_right(token.as_ref())) {
            return Err(invalid_token());
        }
        if now >= session.expires_at {
            return Err(s3_error!(ExpiredToken, "The provided token has expired."));
        }
        Ok(())
    }
}

#[async_trait]
impl S3Auth for AccessKeys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        self.find(access_key).map(|key| SecretKey::from(key.secret.as_str()))
    }
}

fn invalid_token() -> S3Error {
    let mut error = s3_error!(InvalidToken, "The provided token is malformed or otherwise invalid.");
    error.set_status_code(StatusCode::FORBIDDEN);
    error
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn code_of(result: S3Result<()>) -> String {
        result.map_or_else(|error| error.code().as_str().to_owned(), |()| "accepted".to_owned())
    }

    #[test]
    fn a_session_needs_its_token_and_ends() {
        let now = SystemTime::now();
        let session = Session { token: "token".to_owned(), expires_at: now + Duration::from_secs(1) };
        let temporary = AccessKey { id: "temporary".to_owned(), secret: "s".to_owned(), session: Some(session) };
        let keys = AccessKeys::new(vec![temporary]);
        let check = |tokens: &[&str], now| code_of(keys.check_tokens("temporary", tokens, now));
        assert_eq!(check(&["token"], now), "accepted");
        assert_eq!(check(&["token", "token"], now), "accepted");
        for wrong in [&[][..], &[""], &["toke"], &["token "], &["token", "other"]] {
            assert_eq!(check(wrong, now), "InvalidToken", "{wrong:?}");
        }
        assert_eq!(check(&["token"], now + Duration::from_secs(1)), "ExpiredToken");
    }

    #[test]
    fn a_key_for_good_takes_no_token() {
        let keys = AccessKeys::new(vec![AccessKey { id: "id".to_owned(), secret: "s".to_owned(), session: None }]);
        let now = SystemTime::now();
        assert_eq!(code_of(keys.check_tokens("id", &[] as &[&str], now)), "accepted");
        assert_eq!(code_of(keys.check_tokens("id", &["token"], now)), "InvalidToken");
        assert_eq!(code_of(keys.check_tokens("other", &[] as &[&str], now)), "InvalidAccessKeyId");
    }

    #[test]
    fn nothing_secret_is_in_debug_output() {
        let session = Session { token: "the token".to_owned(), expires_at: SystemTime::UNIX_EPOCH };
        let key = AccessKey { id: "the id".to_owned(), secret: "the secret".to_owned(), session: Some(session) };
        let text = format!("{key:?}");
        assert!(text.contains("expires_at"), "{text}");
        assert!(!text.contains("the "), "{text}");
    }
}
