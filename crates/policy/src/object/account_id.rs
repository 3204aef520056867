//! AWS account IDs.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// An AWS account ID: 12 digits
/// ([AWS: account identifiers](https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html)).
/// It is not a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccountId(Arc<str>);

impl AccountId {
    /// Checks an ID.
    ///
    /// # Errors
    ///
    /// When it is anything but 12 ASCII digits.
    pub fn parse(text: &str) -> Result<Self, AccountIdError> {
        let valid = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        if valid { Ok(Self(text.into())) } else { Err(AccountIdError) }
    }

    /// The 12 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not a valid account ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be an AWS account ID of 12 digits")]
pub struct AccountIdError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_12_ascii_digits() {
        assert_eq!(AccountId::parse("012345678901").unwrap().to_string(), "012345678901");
        for text in ["", "12345678901", "1234567890123", "1234-5678-90", "12345678901a", " 12345678901", "١٢٣٤٥٦"]
        {
            assert_eq!(AccountId::parse(text), Err(AccountIdError), "{text}");
        }
    }
}
