//! The token in an `authorization` value.

use std::fmt;

use super::rejection::Rejection;
use super::token::MAX_TOKEN_BYTES;

const SCHEME: &[u8] = b"bearer";

/// A bearer token as sent ([RFC 6750 section 2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)): not empty, at
/// most 64 KiB, and of the characters of a `token68`. It is not verified.
#[derive(Clone, Copy)]
pub struct BearerToken<'a>(&'a str);

impl<'a> BearerToken<'a> {
    /// Takes the token out of the value of an `authorization` header: the scheme in any case
    /// ([RFC 9110 section 11.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.1)), exactly one space, the token.
    /// The calling code must check that there is exactly one such header.
    ///
    /// # Errors
    ///
    /// [`Rejection::UnsupportedScheme`], [`Rejection::TokenTooLarge`] or [`Rejection::MalformedAuthorization`].
    pub fn from_authorization(value: &'a [u8]) -> Result<Self, Rejection> {
        let (scheme, rest) = value.split_at_checked(SCHEME.len()).unwrap_or((value, b""));
        if !scheme.eq_ignore_ascii_case(SCHEME) || rest.first().is_some_and(|&next| next != b' ') {
            return Err(Rejection::UnsupportedScheme);
        }
        let token = rest.strip_prefix(b" ").ok_or(Rejection::MalformedAuthorization)?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Rejection::TokenTooLarge);
        }
        if !is_token68(token) {
            return Err(Rejection::MalformedAuthorization);
        }
        str::from_utf8(token).map(Self).map_err(|_| Rejection::MalformedAuthorization)
    }

    /// The token. It is a secret: its holder can act as the caller.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for BearerToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(redacted)")
    }
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 9110 section 11.2).
pub(super) fn is_token68(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
    let body = text.get(..text.len() - padding).unwrap_or_default();
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    !body.is_empty() && body.iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(value: &[u8]) -> Result<&str, Rejection> {
        BearerToken::from_authorization(value).map(BearerToken::as_str)
    }

    #[test]
    fn the_scheme_is_read_in_any_case() {
        for value in ["Bearer a.b-c_d", "bearer a.b-c_d", "BEARER a.b-c_d", "bEaReR a.b-c_d"] {
            assert_eq!(parse(value.as_bytes()), Ok("a.b-c_d"));
        }
        assert_eq!(parse(b"Bearer abc=="), Ok("abc=="));
    }

    #[test]
    fn another_scheme_is_refused() {
        for value in ["", "Bear", "Basic dTpw", "DPoP abc", "Bearerx abc", "Bearer\tabc", "Bearer,abc", " Bearer abc"] {
            assert_eq!(parse(value.as_bytes()), Err(Rejection::UnsupportedScheme), "{value:?}");
        }
    }

    #[test]
    fn anything_but_one_space_and_one_token_is_refused() {
        let values: [&[u8]; 11] = [
            b"Bearer",
            b"Bearer ",
            b"Bearer  abc",
            b"Bearer abc ",
            b"Bearer a b",
            b"Bearer abc, Bearer def",
            b"Bearer =",
            b"Bearer a=b",
            b"Bearer a\0b",
            b"Bearer a\xc3\xa9",
            b"Bearer \"abc\"",
        ];
        for value in values {
            assert_eq!(parse(value), Err(Rejection::MalformedAuthorization), "{value:?}");
        }
    }

    #[test]
    fn a_token_over_the_limit_is_refused() {
        let longest = format!("Bearer {}", "a".repeat(MAX_TOKEN_BYTES));
        assert!(parse(longest.as_bytes()).is_ok());
        assert_eq!(parse(format!("{longest}a").as_bytes()), Err(Rejection::TokenTooLarge));
        let ten_megabytes = [b"Bearer ".as_slice(), &vec![b'a'; 10_000_000]].concat();
        assert_eq!(parse(&ten_megabytes), Err(Rejection::TokenTooLarge));
    }

    #[test]
    fn debug_does_not_show_the_token() {
        let token = BearerToken::from_authorization(b"Bearer secret").unwrap();
        assert!(!format!("{token:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn no_value_panics(value: Vec<u8>) {
            let _ = parse(&value);
            let _ = parse(&[b"Bearer ".as_slice(), &value].concat());
        }
    }
}
