//! Tags of objects.

use std::collections::BTreeMap;

use thiserror::Error;

/// The most tags that an object can have
/// ([AWS: object tagging](https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html)).
pub const MAX_TAGS: usize = 10;

/// Tags by their names, each valid for S3. The code that combines tags checks their number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectTags(BTreeMap<Box<str>, Box<str>>);

impl ObjectTags {
    /// Adds a tag, or replaces the one of that name.
    ///
    /// # Errors
    ///
    /// When S3 would refuse it. A name has 1 to 128 and a value up to 256 letters, digits, spaces and `+-=._:/@`. A name
    /// does not begin with `aws:`, which is reserved. Lengths are in UTF-16 units, as S3 counts them: a character outside the
    /// Basic Multilingual Plane has two.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<(), ObjectTagError> {
        let allowed = |character: char| character.is_alphanumeric() || " +-=._:/@".contains(character);
        let fits = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
            lengths.contains(&text.encode_utf16().count()) && text.chars().all(allowed)
        };
        let reserved = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
        if reserved || !fits(name, 1..=128) || !fits(value, 0..=256) {
            return Err(ObjectTagError);
        }
        self.0.insert(name.into(), value.into());
        Ok(())
    }

    /// Adds other tags. They replace tags of the same name.
    pub(crate) fn extend(&mut self, others: &Self) {
        self.0.extend(others.0.clone());
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The number of tags.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Without tags, `x-amz-tagging` is not sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A tag that S3 would refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "must have names of 1 to 128 and values of at most 256 letters, digits, spaces and + - = . _ : / @, and no name that \
     begins with aws:"
)]
pub struct ObjectTagError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_s3_refuses_are_refused() {
        let long = "k".repeat(129);
        for (name, value) in [("", "x"), ("a&b", "x"), ("a", "x;y"), ("AWS:x", "y"), ("a\n", "x"), (&long, "x")] {
            assert_eq!(ObjectTags::default().insert(name, value), Err(ObjectTagError), "{name:?} {value:?}");
        }
        assert!(ObjectTags::default().insert("a", &"v".repeat(257)).is_err());
        assert!(ObjectTags::default().insert(&"k".repeat(128), &"é".repeat(256)).is_ok());
    }

    /// 𝒜 is a letter outside the Basic Multilingual Plane.
    #[test]
    fn lengths_are_in_utf_16_units() {
        let letters = |count| "𝒜".repeat(count);
        assert!(ObjectTags::default().insert(&letters(64), &letters(128)).is_ok());
        assert_eq!(ObjectTags::default().insert(&letters(65), ""), Err(ObjectTagError));
        assert_eq!(ObjectTags::default().insert("x", &letters(129)), Err(ObjectTagError));
    }
}
