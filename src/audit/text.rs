//! Text of a record: one line of JSON, and times in it.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use access_broker_base::clock::LAST_SECOND_OF_9999;
use access_broker_base::invisible::changes_direction;

/// A value as one line of JSON, with its line feed.
///
/// JSON requires escapes for the ASCII control characters only. The others, and the line separators and direction marks
/// of Unicode, are escaped as well: some readers take them for the end of a line, and terminals display them
/// misleadingly.
pub(super) fn json_line(value: &impl Serialize) -> serde_json::Result<String> {
    let mut line = serde_json::to_string(value)?;
    if line.contains(is_escaped) {
        line = escaped(&line);
    }
    line.push('\n');
    Ok(line)
}

/// Outside its strings JSON is ASCII, so what is escaped here is in a string.
fn escaped(json: &str) -> String {
    let mut line = String::with_capacity(json.len() + 64);
    for character in json.chars() {
        if is_escaped(character) {
            // Writing to a string does not fail. All of these are below U+FFFF.
            let _written = write!(line, "\\u{:04x}", u32::from(character));
        } else {
            line.push(character);
        }
    }
    line
}

/// DEL and C1, the separators of lines and paragraphs, and the characters that change the direction of text.
const fn is_escaped(character: char) -> bool {
    matches!(character, '\u{7F}'..='\u{9F}' | '\u{2028}' | '\u{2029}') || changes_direction(character)
}

/// A time as RFC 3339 in UTC with microseconds, such as `2026-01-31T12:00:00.000000Z`. A time outside the range of RFC
/// 3339 becomes the nearest one in it.
pub(super) fn rfc3339_micros(instant: SystemTime) -> String {
    humantime::format_rfc3339_micros(clamped(instant)).to_string()
}

/// The same in whole seconds.
pub(super) fn rfc3339_seconds(instant: SystemTime) -> String {
    humantime::format_rfc3339_seconds(clamped(instant)).to_string()
}

fn clamped(instant: SystemTime) -> SystemTime {
    instant.clamp(UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(LAST_SECOND_OF_9999))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_one_line_and_can_be_read_back(text in any::<String>()) {
            let line = json_line(&text).unwrap();
            prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
            prop_assert!(!line.trim_end().contains(char::is_control));
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }
    }

    #[test]
    fn what_readers_take_for_the_end_of_a_line_is_escaped() {
        let text = "a\nb\r\u{85}\u{2028}\u{2029}\u{202E}\u{7F}c \u{FC}\u{1F408}";
        assert_eq!(json_line(&text).unwrap(), "\"a\\nb\\r\\u0085\\u2028\\u2029\\u202e\\u007fc \u{FC}\u{1F408}\"\n");
    }

    #[test]
    fn instants_have_microseconds_and_any_instant_is_one() {
        let instant = UNIX_EPOCH + Duration::from_nanos(1_700_000_000_123_456_789);
        assert_eq!(rfc3339_micros(instant), "2023-11-14T22:13:20.123456Z");
        assert_eq!(rfc3339_seconds(instant), "2023-11-14T22:13:20Z");
        assert_eq!(rfc3339_micros(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(u64::MAX >> 8)), "9999-12-31T23:59:59Z");
    }
}
