//! Keys of objects, valid by construction.

use std::fmt;

use thiserror::Error;

/// The longest object key of S3, in bytes of UTF-8
/// ([AWS: object keys](https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html)).
pub const MAX_OBJECT_KEY_BYTES: usize = 1_024;

/// A valid S3 object key: 1 to 1,024 bytes of UTF-8 without control characters, in segments between `/`. No segment is
/// empty, `.` or `..`, and a key is not only white space, which AWS's SDKs treat as a missing key.
///
/// The excluded keys are legal in S3, but HTTP clients and S3-compatible servers normalise them, so that the object
/// reached would not be the object that was authorised. No Unicode normalisation takes place: what was authorised is
/// byte for byte what is signed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey(Box<str>);

impl ObjectKey {
    /// Checks a key.
    ///
    /// # Errors
    ///
    /// The first rule that the key breaks.
    pub fn parse(text: &str) -> Result<Self, ObjectKeyError> {
        if text.trim().is_empty() {
            return Err(ObjectKeyError::Empty);
        }
        if text.len() > MAX_OBJECT_KEY_BYTES {
            return Err(ObjectKeyError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(ObjectKeyError::ControlCharacter);
        }
        for segment in text.split('/') {
            match segment {
                "" => return Err(ObjectKeyError::EmptySegment),
                "." | ".." => return Err(ObjectKeyError::RelativeSegment),
                _ => {}
            }
        }
        Ok(Self(text.into()))
    }

    /// The key at S3.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between the slashes. There is at least one and none is empty.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The rule that an object key breaks. The text is for callers and never repeats the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ObjectKeyError {
    /// No key, or only white space.
    #[error("must not be empty or only white space")]
    Empty,
    /// Over [`MAX_OBJECT_KEY_BYTES`].
    #[error("must not be longer than 1,024 bytes of UTF-8")]
    TooLong,
    /// A character of Unicode category Cc, such as NUL, line feed or DEL.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// A leading or trailing slash, or two in a row.
    #[error("must not start or end with '/' or contain '//'")]
    EmptySegment,
    /// A segment that a client or server may resolve as a relative path.
    #[error("must not contain '.' or '..' as a segment")]
    RelativeSegment,
}
