//! Content encodings of uploads.

use thiserror::Error;

use super::header_text::{HeaderText, HeaderTextError};

/// Checks the value of a `Content-Encoding`.
///
/// # Errors
///
/// When it is not a header value, or has `aws-chunked`: S3 would read the body as chunks with their own signatures, and
/// store other content than what was promised.
pub fn parse_content_encoding(text: &str) -> Result<HeaderText, ContentEncodingError> {
    if text.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("aws-chunked")) {
        return Err(ContentEncodingError::Chunked);
    }
    Ok(HeaderText::parse(text)?)
}

/// The rule that a content encoding breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ContentEncodingError {
    /// It describes the transfer and not the content.
    #[error("must not be aws-chunked, which is not an encoding of the content")]
    Chunked,
    /// Not a header value.
    #[error(transparent)]
    Text(#[from] HeaderTextError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_no_encoding_however_they_are_written() {
        for text in ["aws-chunked", "AWS-Chunked", "gzip, aws-chunked", "aws-chunked,gzip", "gzip ,aws-chunked , br"] {
            assert_eq!(parse_content_encoding(text), Err(ContentEncodingError::Chunked), "{text}");
        }
        for text in ["gzip", "gzip, br", "x-aws-chunked", "aws-chunked-2"] {
            assert_eq!(parse_content_encoding(text).unwrap().as_str(), text);
        }
        assert!(matches!(parse_content_encoding(" gzip"), Err(ContentEncodingError::Text(_))));
    }
}
