//! Names of user metadata.

use std::fmt;

use thiserror::Error;

/// The largest sum of user metadata names and values, in bytes
/// ([AWS: user-defined metadata](https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html)).
pub const MAX_METADATA_BYTES: usize = 2_048;

/// The names of the broker's own metadata begin with this.
const RESERVED_PREFIX: &str = "access-broker-";

/// The metadata with the ID of the decision by which an upload URL was issued.
pub const DECISION_METADATA: &str = "access-broker-decision";

/// The name of a piece of user metadata, without its `x-amz-meta-` prefix: 1 to 128 characters from `a-z`, `0-9`, `-`,
/// `_` and `.`. Lower case only, because S3 folds the case. Names that begin with `access-broker-` are the broker's.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetadataName(Box<str>);

impl MetadataName {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// When it breaks the rule of the type.
    pub fn parse(text: &str) -> Result<Self, MetadataNameError> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(allowed);
        if fits && !Self::is_reserved(text) { Ok(Self(text.into())) } else { Err(MetadataNameError) }
    }

    /// Whether a name in lower case is one of the broker's own.
    #[must_use]
    pub(crate) fn is_reserved(text: &str) -> bool {
        text.starts_with(RESERVED_PREFIX)
    }

    /// In lower case, without `x-amz-meta-`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MetadataName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Not a valid metadata name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("names must be 1 to 128 characters from a-z, 0-9, '-', '_' and '.', and not begin with access-broker-")]
pub struct MetadataNameError;
