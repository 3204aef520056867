//! Header values that reach S3 unchanged.

use thiserror::Error;

/// The longest header value that is signed, in bytes.
const MAX_HEADER_TEXT_BYTES: usize = 1_024;

/// A header value that every HTTP client sends and every server reads unchanged: 1 to 1,024 visible ASCII characters
/// and single inner spaces.
///
/// SigV4 trims values and folds runs of spaces before signing, so a value with either would not be bound exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderText(Box<str>);

impl HeaderText {
    /// Checks a value.
    ///
    /// # Errors
    ///
    /// When it is empty, too long, or has anything but visible ASCII and single inner spaces.
    pub fn parse(text: &str) -> Result<Self, HeaderTextError> {
        let characters_fit = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let spaces_fit = !text.starts_with(' ') && !text.ends_with(' ') && !text.contains("  ");
        if !text.is_empty() && text.len() <= MAX_HEADER_TEXT_BYTES && characters_fit && spaces_fit {
            Ok(Self(text.into()))
        } else {
            Err(HeaderTextError)
        }
    }

    /// As it is signed and sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A header value that may not reach S3 unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be 1 to 1,024 visible ASCII characters, with single spaces only between them")]
pub struct HeaderTextError;
