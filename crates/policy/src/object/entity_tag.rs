//! Entity tags for `If-Match`.

use thiserror::Error;

/// A strong entity tag with its quotes, as S3 gives it: `"9bb58f26192e4ba00f01e2e7b136bbd8"` (RFC 9110 section 8.8.3).
///
/// At most 256 bytes; S3's own have up to 40.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityTag(Box<str>);

impl EntityTag {
    /// Checks a tag.
    ///
    /// # Errors
    ///
    /// When it has no quotes, is weak or the wildcard, or has a comma or anything but visible ASCII between the quotes.
    pub fn parse(text: &str) -> Result<Self, EntityTagError> {
        let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(EntityTagError)?;
        // Some servers want it without its quotes: then `*` would mean any object, a comma a list, and `W/` a weak tag.
        let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',');
        let is_one = inner != "*" && !inner.starts_with("W/");
        if (1..=254).contains(&inner.len()) && inner.bytes().all(fits) && is_one {
            Ok(Self(text.into()))
        } else {
            Err(EntityTagError)
        }
    }

    /// The tag with its quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag without its quotes.
    #[must_use]
    pub fn bare(&self) -> &str {
        self.0.trim_matches('"')
    }
}

/// Not a valid entity tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be a strong ETag with its quotes, as S3 gives it, of at most 256 visible ASCII characters")]
pub struct EntityTagError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_as_s3_gives_them_are_taken() {
        for text in ["\"9bb58f26192e4ba00f01e2e7b136bbd8\"", "\"d41d8cd98f00b204e9800998ecf8427e-38\"", "\"x\""] {
            let tag = EntityTag::parse(text).unwrap();
            assert_eq!((tag.as_str(), format!("\"{}\"", tag.bare())), (text, text.to_owned()));
        }
    }

    #[test]
    fn what_could_mean_more_than_one_object_is_refused() {
        for text in [
            "\"*\"",
            "\"a,b\"",
            "\"W/a\"",
            "",
            "*",
            "\"",
            "\"\"",
            "abc",
            "W/\"abc\"",
            "\"a\", \"b\"",
            "\"a\"b\"",
            "\"a b\"",
            "\"é\"",
            "\"a\n\"",
        ] {
            assert_eq!(EntityTag::parse(text), Err(EntityTagError), "{text:?}");
        }
        assert!(EntityTag::parse(&format!("\"{}\"", "a".repeat(255))).is_err());
    }
}
