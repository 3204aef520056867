//! Requests to the token endpoint.

use std::borrow::Cow;
use std::time::Duration;

use thiserror::Error;
use url::form_urlencoded;

use super::{DEFAULT_TOKEN_LIFETIME, MAX_TOKEN_LIFETIME};
use crate::users::{self, User};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct TokenRequest {
    pub(super) user: &'static User,
    pub(super) lifetime: Duration,
}

impl TokenRequest {
    /// Reads a body of type `application/x-www-form-urlencoded`: `username`, and optionally `lifetime` in seconds.
    ///
    /// Other parameters are ignored and none may occur twice (RFC 6749 section 3.2).
    pub(super) fn parse(form: &[u8]) -> Result<Self, TokenRequestError> {
        let mut user_name = None;
        let mut lifetime = None;
        for (name, value) in form_urlencoded::parse(form) {
            let parameter = match name.as_ref() {
                "username" => &mut user_name,
                "lifetime" => &mut lifetime,
                _ => continue,
            };
            if parameter.replace(value).is_some() {
                return Err(TokenRequestError::RepeatedParameter);
            }
        }
        let user_name = user_name.ok_or(TokenRequestError::MissingUserName)?;
        let lifetime = lifetime.map_or(Ok(DEFAULT_TOKEN_LIFETIME), |text: Cow<'_, str>| parse_lifetime(&text))?;
        let user = users::find(&user_name).ok_or(TokenRequestError::UnknownUser)?;
        Ok(Self { user, lifetime })
    }
}

fn parse_lifetime(text: &str) -> Result<Duration, TokenRequestError> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|seconds| is_number && (1..=MAX_TOKEN_LIFETIME.as_secs()).contains(seconds));
    seconds.map(Duration::from_secs).ok_or(TokenRequestError::InvalidLifetime)
}

/// Why a request is refused. The text is for the client and has no part of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum TokenRequestError {
    #[error("the body must be a form of type application/x-www-form-urlencoded")]
    NotAForm,
    #[error("the body is too large")]
    TooLarge,
    #[error("a parameter occurs more than once")]
    RepeatedParameter,
    #[error("the parameter username is missing; the known users are {}", users::names())]
    MissingUserName,
    #[error("the parameter lifetime must be a whole number of seconds from 1 to {}", MAX_TOKEN_LIFETIME.as_secs())]
    InvalidLifetime,
    #[error("unknown user; the known users are {}", users::names())]
    UnknownUser,
}

impl TokenRequestError {
    /// The error code of RFC 6749 section 5.2.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::UnknownUser => "invalid_grant",
            _ => "invalid_request",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn username_and_lifetime_are_read_and_the_rest_is_ignored() {
        let request = TokenRequest::parse(b"grant_type=password&username=user%2Dtwo&lifetime=86400&x=1&x=2").unwrap();
        assert_eq!((request.user.name, request.lifetime), ("user-two", MAX_TOKEN_LIFETIME));
        assert_eq!(TokenRequest::parse(b"username=user-one").unwrap().lifetime, DEFAULT_TOKEN_LIFETIME);
    }

    #[test]
    fn lifetimes_out_of_range_or_not_plain_numbers_are_refused() {
        for lifetime in ["", "0", "86401", "-1", "%2B5", "1.5", "1h", "99999999999999999999999", "0x10", "%00"] {
            let form = format!("username=user-one&lifetime={lifetime}");
            let error = TokenRequest::parse(form.as_bytes()).unwrap_err();
            assert_eq!(error, TokenRequestError::InvalidLifetime, "{lifetime}");
        }
    }

    #[test]
    fn each_fault_has_its_code() {
        let cases: [(&[u8], &str); 6] = [
            (b"", "invalid_request"),
            (b"user=user-one", "invalid_request"),
            (b"username=user-one&username=user-two", "invalid_request"),
            (b"username=user-three", "invalid_grant"),
            (b"username=%ff%00", "invalid_grant"),
            (b"username=", "invalid_grant"),
        ];
        for (form, code) in cases {
            assert_eq!(TokenRequest::parse(form).unwrap_err().code(), code, "{form:?}");
        }
    }

    /// RFC 6749 section 5.2 permits only ASCII without double quotes and backslashes in descriptions.
    #[test]
    fn descriptions_keep_to_the_characters_allowed() {
        use TokenRequestError::{InvalidLifetime, MissingUserName, NotAForm, RepeatedParameter, TooLarge, UnknownUser};
        for error in [InvalidLifetime, MissingUserName, NotAForm, RepeatedParameter, TooLarge, UnknownUser] {
            let text = error.to_string();
            assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'), "{text}");
        }
    }
}
