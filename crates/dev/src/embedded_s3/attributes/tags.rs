//! Object tags of an upload.

use s3s::{S3Result, s3_error};
use url::form_urlencoded;

/// The limits of S3 ([AWS: object tagging](https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html)).
const MAX_TAGS: usize = 10;
const MAX_KEY_CHARACTERS: usize = 128;
const MAX_VALUE_CHARACTERS: usize = 256;

/// Reads the value of `x-amz-tagging`, in the encoding of a URL's query.
pub(super) fn parse(header: &str) -> S3Result<Vec<(String, String)>> {
    let mut tags: Vec<(String, String)> = Vec::new();
    for (key, value) in form_urlencoded::parse(header.as_bytes()) {
        if tags.len() == MAX_TAGS {
            return Err(s3_error!(InvalidTag, "Object tags cannot be greater than 10"));
        }
        if !is_text(&key, 1, MAX_KEY_CHARACTERS) || key.starts_with("aws:") {
            return Err(s3_error!(InvalidTag, "The TagKey you have provided is invalid"));
        }
        if !is_text(&value, 0, MAX_VALUE_CHARACTERS) {
            return Err(s3_error!(InvalidTag, "The TagValue you have provided is invalid"));
        }
        if tags.iter().any(|(known, _)| *known == key) {
            return Err(s3_error!(InvalidTag, "Cannot provide multiple Tags with the same key"));
        }
        tags.push((key.into_owned(), value.into_owned()));
    }
    Ok(tags)
}

/// Letters, numbers, spaces and `+ - = . _ : / @`. Invalid UTF-8 or escapes were decoded to other characters.
fn is_text(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.chars().count()) && text.chars().all(|c| c.is_alphanumeric() || " +-=._:/@".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_decoded_in_order() {
        let tags = parse("tier=tier%201&owner=user+one&empty=&bare&%C3%A9=%2B%2F").unwrap();
        let expected = [("tier", "tier 1"), ("owner", "user one"), ("empty", ""), ("bare", ""), ("é", "+/")];
        assert_eq!(tags, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn the_limits_of_s3_hold() {
        let numbered = |count: usize| (0..count).map(|index| format!("k{index}=v")).collect::<Vec<_>>().join("&");
        let pair = |key: usize, value: usize| format!("{}={}", "é".repeat(key), "é".repeat(value));
        for fine in [numbered(10), pair(1, 0), pair(128, 256)] {
            assert!(parse(&fine).is_ok(), "{fine}");
        }
        for wrong in [numbered(11), pair(0, 1), pair(129, 0), pair(1, 257)] {
            assert_eq!(parse(&wrong).unwrap_err().code().as_str(), "InvalidTag", "{wrong}");
        }
        for wrong in ["a=1&a=2", "aws:x=1", "=", "a=%ff", "a=%zz", "a=<b>", "a%00=b", "a=b%0a"] {
            assert_eq!(parse(wrong).unwrap_err().code().as_str(), "InvalidTag", "{wrong}");
        }
    }
}
