//! `Content-Disposition`, from its parts (RFC 6266).

use std::fmt::Write as _;

use thiserror::Error;

use super::header_text::HeaderText;
use super::token::is_token_byte;
use access_broker_base::invisible::changes_direction;

/// The longest file name, in bytes of UTF-8. Percent-encoded it fits into a [`HeaderText`].
const MAX_FILE_NAME_BYTES: usize = 240;

/// What a browser does with a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DispositionType {
    /// It saves a file.
    Attachment,
    /// It shows the content.
    Inline,
}

impl DispositionType {
    /// The type in the header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attachment => "attachment",
            Self::Inline => "inline",
        }
    }

    /// The header's value, with the file name in ASCII for old clients and in full for all others.
    ///
    /// # Errors
    ///
    /// When clients could read the file name as a path or as another name.
    pub fn with_file_name(self, file_name: Option<&str>) -> Result<HeaderText, FileNameError> {
        let mut text = self.as_str().to_owned();
        if let Some(name) = file_name {
            check_file_name(name)?;
            text.push_str("; filename=\"");
            text.extend(name.chars().map(ascii_stand_in));
            text.push_str("\"; filename*=UTF-8''");
            push_extended_value(&mut text, name);
        }
        HeaderText::parse(&text).map_err(|_| FileNameError)
    }
}

/// Whether browsers save a download with this header. They differ about anything but a plain `attachment`.
pub(crate) fn is_attachment(content_disposition: &HeaderText) -> bool {
    let kind = content_disposition.as_str().split(';').next().unwrap_or_default();
    kind.trim_end().eq_ignore_ascii_case(DispositionType::Attachment.as_str())
}

fn check_file_name(name: &str) -> Result<(), FileNameError> {
    let is_space = |character: char| character.is_whitespace();
    let edges_fit = !name.starts_with(is_space) && !name.ends_with(is_space);
    let fits = (1..=MAX_FILE_NAME_BYTES).contains(&name.len()) && edges_fit && !name.chars().any(is_deceptive);
    // SigV4 folds runs of spaces, so one would not be signed as it is sent.
    if fits && !name.contains("  ") { Ok(()) } else { Err(FileNameError) }
}

/// Control characters, separators of paths, lines and paragraphs, and the characters that change the direction of text.
fn is_deceptive(character: char) -> bool {
    character.is_control() || matches!(character, '/' | '\\' | '\u{2028}' | '\u{2029}') || changes_direction(character)
}

/// A character of `filename`: quotes end it, and some clients decode percent signs in it (RFC 6266 appendix D).
const fn ascii_stand_in(character: char) -> char {
    if character.is_ascii() && !matches!(character, '"' | '\\' | '%') { character } else { '_' }
}

/// The `value-chars` of RFC 8187 section 3.2.1: the characters of a token, except three.
fn push_extended_value(out: &mut String, name: &str) {
    for byte in name.bytes() {
        if is_token_byte(byte) && !matches!(byte, b'*' | b'\'' | b'%') {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _written = write!(out, "%{byte:02X}");
        }
    }
}

/// Not a valid file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "must be 1 to 240 bytes without control characters, '/', '\\', characters that change the direction of text, and \
     spaces other than single inner ones"
)]
pub struct FileNameError;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn attachment(name: &str) -> Result<String, FileNameError> {
        DispositionType::Attachment.with_file_name(Some(name)).map(|text| text.as_str().to_owned())
    }

    #[test]
    fn the_name_is_given_in_ascii_and_in_full() {
        assert_eq!(
            attachment("Größe 100%.pdf").unwrap(),
            "attachment; filename=\"Gr__e 100_.pdf\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20100%25.pdf"
        );
        assert_eq!(
            attachment("a\";b.txt").unwrap(),
            "attachment; filename=\"a_;b.txt\"; filename*=UTF-8''a%22%3Bb.txt"
        );
        assert_eq!(DispositionType::Inline.with_file_name(None).unwrap().as_str(), "inline");
    }

    #[test]
    fn names_that_deceive_are_refused() {
        for name in [
            "",
            " ",
            " a",
            "a ",
            "a  b",
            "a/b",
            "..\\x",
            "a\nb",
            "a\rb",
            "a\0",
            "\u{7F}",
            "\u{85}",
            "ann\u{202E}txt.exe",
            "\u{2066}x",
            "a\u{2028}b",
        ] {
            assert_eq!(attachment(name), Err(FileNameError), "{name:?}");
        }
        assert!(attachment(&"é".repeat(121)).is_err());
        assert!(attachment(&"é".repeat(120)).is_ok() && attachment(&"\"".repeat(240)).is_ok());
    }

    #[test]
    fn only_a_plain_attachment_is_one() {
        for (text, is) in [
            ("attachment", true),
            ("ATTACHMENT; filename=x", true),
            ("attachment ;x", true),
            ("inline", false),
            ("attachment, inline", false),
            ("attachments", false),
            ("\"attachment\"", false),
            ("x; attachment", false),
            (";attachment", false),
        ] {
            assert_eq!(is_attachment(&HeaderText::parse(text).unwrap()), is, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_full_name_can_be_read_back(name in "[^\\p{C}]{1,60}") {
            let Ok(header) = attachment(&name) else { return Ok(()) };
            let (_, encoded) = header.rsplit_once("filename*=UTF-8''").unwrap();
            let decoded = percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap();
            prop_assert_eq!(decoded, name.as_str());
            let quotes = header.matches('"').count();
            prop_assert_eq!(quotes, 2, "{}", header);
        }
    }
}
