//! Why a text was refused, for the caller.

use std::borrow::Cow;
use std::fmt::Write;

use thiserror::Error;

/// The longest text of an error, in bytes.
const MAX_TEXT: usize = 200;
/// The longest name of the request that an error repeats, in bytes after escaping.
const MAX_NAME: usize = 64;

/// JSON or a query string that is refused. The text names the rule and the place. It has no values of the request, and
/// at most 64 bytes of its names.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct JsonError {
    text: String,
}

impl JsonError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > MAX_TEXT {
            text.truncate(text.floor_char_boundary(MAX_TEXT - '…'.len_utf8()));
            text.push('…');
        }
        Self { text }
    }
}

/// A broken rule, and where. The place grows outward, from the value to the outermost message.
#[derive(Debug)]
pub(crate) struct Problem {
    /// A path of field names. Empty means the whole request.
    place: String,
    /// Continues the sentence that begins with the place.
    rule: Cow<'static, str>,
}

impl Problem {
    pub(crate) fn new(rule: impl Into<Cow<'static, str>>) -> Self {
        Self { place: String::new(), rule: rule.into() }
    }

    pub(crate) fn in_field(self, name: &str) -> Self {
        let separator = if self.place.is_empty() || self.place.starts_with('[') { "" } else { "." };
        Self { place: format!("{name}{separator}{}", self.place), rule: self.rule }
    }

    pub(crate) fn in_item(self, index: usize) -> Self {
        self.in_field(&format!("[{index}]"))
    }

    pub(crate) fn in_entry(self, key: &str) -> Self {
        self.in_field(&format!("[{}]", quoted(key)))
    }

    /// `position` is empty, or follows the sentence.
    pub(crate) fn into_error(self, position: &str) -> JsonError {
        let place = if self.place.is_empty() { "the request" } else { &self.place };
        JsonError::new(format!("{place} {}{position}", self.rule))
    }
}

/// A name of the request in quotes, escaped and shortened.
pub(crate) fn quoted(name: &str) -> String {
    let mut text = String::from('"');
    // The text up to here leaves room for the sign of omission.
    let mut end = text.len();
    for character in name.chars() {
        // Also escapes invisible characters and those that change the direction of text.
        let _infallible = write!(text, "{}", character.escape_debug());
        if text.len() > MAX_NAME {
            text.truncate(end);
            text.push('…');
            break;
        }
        if text.len() <= MAX_NAME - '…'.len_utf8() {
            end = text.len();
        }
    }
    text.push('"');
    text
}
