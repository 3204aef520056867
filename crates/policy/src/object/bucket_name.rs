//! Names of buckets, valid by construction.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// The longest logical bucket name, in bytes.
const MAX_BUCKET_NAME_BYTES: usize = 63;

/// The rule for names from the configuration that callers can use.
pub(crate) fn is_logical_name(text: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    starts_well && text.len() <= MAX_BUCKET_NAME_BYTES && text.bytes().all(allowed)
}

/// The logical name of a bucket, for callers, policies and logs. The configuration maps it to an S3 bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketName(Arc<str>);

impl BucketName {
    /// Checks a name: 1 to 63 characters from `a-z`, `0-9`, `-` and `_`, the first a letter or digit.
    ///
    /// # Errors
    ///
    /// When the name breaks that rule.
    pub fn parse(text: &str) -> Result<Self, BucketNameError> {
        if is_logical_name(text) { Ok(Self(text.into())) } else { Err(BucketNameError) }
    }

    /// The name as configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not a valid bucket name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be 1 to 63 characters from a-z, 0-9, '-' and '_' and start with a letter or digit")]
pub struct BucketNameError;
