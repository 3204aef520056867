//! Messages without the values of variables.
//!
//! Readers write messages from the strings that they got, and know nothing of variables. So each message is searched for
//! the values: in quotes everywhere, and also in other forms where it is about a string that a variable is part of.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use super::Location;

/// The shortest value that is searched for. A shorter one is hidden where it is the whole string of its line.
const MIN_VALUE_BYTES: usize = 3;

/// The shortest part of a value that is hidden in messages about its line: a host of a URL, or a segment of a path.
const PART_BYTES: usize = 6;

/// The most bytes of values whose parts are searched for. It bounds the memory; whole values are always searched for.
const MAX_PART_BYTES: usize = 64 * 1_024;

/// What stands for a part of a value.
const HIDDEN: char = '…';

/// The values of the variables that a document uses, and where.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Redaction {
    /// Each value once, with what is shown instead.
    values: BTreeMap<String, String>,
    /// The strings with variables by their lines: as they were read, and as the file has them.
    lines: BTreeMap<usize, Vec<(String, String)>>,
    parts: HashSet<[u8; PART_BYTES]>,
    part_bytes: usize,
}

impl fmt::Debug for Redaction {
    /// No values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction").field("values", &self.values.len()).finish_non_exhaustive()
    }
}

impl Redaction {
    /// Notes that a string of this line became `text`, with these variables and values.
    pub(super) fn note(&mut self, location: &Location, raw: &str, text: &str, values: Vec<(String, String)>) {
        if let Location::Line(line) = location {
            self.lines.entry(*line).or_default().push((text.to_owned(), raw.to_owned()));
        }
        for (name, value) in values {
            if value.len() >= MIN_VALUE_BYTES && !self.values.contains_key(&value) {
                self.note_parts(&value);
                self.values.insert(value, format!("${{{name}}}"));
            }
        }
    }

    fn note_parts(&mut self, value: &str) {
        // The scheme of a URL is no secret, and is in many messages.
        let value = value.split_once("://").map_or(value, |(_, rest)| rest);
        self.part_bytes += value.len();
        if self.part_bytes <= MAX_PART_BYTES {
            self.parts.extend(
                value.as_bytes().windows(PART_BYTES).filter_map(|part| <[u8; PART_BYTES]>::try_from(part).ok()),
            );
        }
    }

    /// A message about this place without the values.
    #[must_use]
    pub fn apply(&self, location: &Location, message: &str) -> String {
        let mut message = message.to_owned();
        if self.lines.is_empty() {
            return message;
        }
        let strings = match location {
            Location::Line(line) => self.lines.get(line),
            _ => None,
        };
        for (text, raw) in strings.into_iter().flatten() {
            message = message.replace(&format!("{text:?}"), &format!("{raw:?}"));
            message = message.replace(&format!("\"{text}\""), &format!("\"{raw}\""));
        }
        message = self.without_values_in_quotes(&message);
        if strings.is_some() { self.without_parts(&message) } else { message }
    }

    fn without_values_in_quotes(&self, message: &str) -> String {
        let mut redacted = String::with_capacity(message.len());
        for (inside, part) in quoted_parts(message) {
            let mut part = part.to_owned();
            if inside {
                for (value, shown) in self.values.iter().rev() {
                    let escaped = format!("{value:?}");
                    for form in [value.as_str(), escaped.trim_matches('"')] {
                        if part.contains(form) {
                            part = part.replace(form, shown);
                        }
                    }
                }
            }
            redacted.push_str(&part);
        }
        redacted
    }

    fn without_parts(&self, message: &str) -> String {
        let long = self.values.iter().rev().filter(|(value, _)| value.len() >= PART_BYTES);
        let message = long.fold(message.to_owned(), |message, (value, shown)| message.replace(value, shown));
        let mut hidden = BTreeSet::new();
        for (start, part) in message.as_bytes().windows(PART_BYTES).enumerate() {
            if <[u8; PART_BYTES]>::try_from(part).is_ok_and(|part| self.parts.contains(&part)) {
                hidden.extend(start..start + PART_BYTES);
            }
        }
        let mut redacted = String::with_capacity(message.len());
        for (index, character) in message.char_indices() {
            if !hidden.contains(&index) {
                redacted.push(character);
            } else if !redacted.ends_with(HIDDEN) {
                redacted.push(HIDDEN);
            }
        }
        redacted
    }
}

/// The parts of a message in and out of quotes, each with whether it is inside. Quotes count as outside.
fn quoted_parts(message: &str) -> Vec<(bool, &str)> {
    let (mut parts, mut start, mut inside, mut escaped) = (Vec::new(), 0, false, false);
    for (index, character) in message.char_indices() {
        match character {
            '"' if !escaped => {
                let end = if inside { index } else { index + 1 };
                parts.push((inside, &message[start..end]));
                (start, inside) = (end, !inside);
            }
            '\\' if inside => {
                escaped = !escaped;
                continue;
            }
            _ => {}
        }
        escaped = false;
    }
    parts.push((inside, &message[start..]));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redaction(values: &[(&str, &str)]) -> Redaction {
        let mut redaction = Redaction::default();
        for (name, value) in values {
            let (raw, values) = (format!("${{{name}}}"), vec![((*name).to_owned(), (*value).to_owned())]);
            redaction.note(&Location::Line(1), &raw, value, values);
        }
        redaction
    }

    #[test]
    fn quotes_are_followed_with_their_escapes() {
        assert_eq!(quoted_parts(r#"a "b\"c" d"#), [(false, "a \""), (true, r#"b\"c"#), (false, "\" d")]);
        assert_eq!(quoted_parts(r#"a\ "b\\" "c"#), [(false, "a\\ \""), (true, r"b\\"), (false, "\" \""), (true, "c")]);
        assert_eq!(quoted_parts(""), [(false, "")]);
    }

    #[test]
    fn a_value_is_hidden_in_quotes_everywhere_and_the_words_of_other_rules_stay() {
        let redaction = redaction(&[("W", "whole"), ("M", "must"), ("L", "https://login.example/secret")]);
        let other = Location::Line(9);
        let rule = "must be a whole number";
        assert_eq!(redaction.apply(&other, rule), rule);
        assert_eq!(
            redaction.apply(&other, "the configuration has \"https://login.example/secret\""),
            "the configuration has \"${L}\""
        );
        assert_eq!(redaction.apply(&Location::Line(1), "must be an https URL"), "must be an https URL");
    }

    #[test]
    fn a_part_or_another_form_of_a_value_is_hidden_at_its_line() {
        let values = [
            ("A", "spiffe://secret.example/x"),
            ("B", "https://h.example/{tenantname}"),
            ("C", "[2606:4700:0:0::5ec]:80"),
            ("D", "https://bucket.internal-s3.example/path"),
        ];
        for (name, message, expected) in [
            ("A", "has the trust domain \"secret.example\"", "has the trust domain \"…\""),
            (
                "B",
                "has a placeholder in brackets \"{tenantname}\"; write the value",
                "has a placeholder in brackets \"…\"; write the value",
            ),
            ("C", "is [2606:4700::5ec]:80, a public address", "is …, a public address"),
            ("D", "URLs begin with https://internal-s3.example/path/media/", "URLs begin with https://…/media/"),
        ] {
            let value = values.iter().find(|value| value.0 == name).unwrap();
            assert_eq!(redaction(&[*value]).apply(&Location::Line(1), message), expected);
        }
    }

    #[test]
    fn a_backslash_outside_of_quotes_escapes_nothing() {
        assert_eq!(quoted_parts(r#"a\"b" c"#), [(false, "a\\\""), (true, "b"), (false, "\" c")]);
    }

    #[test]
    fn a_short_value_is_searched_for_in_its_own_string_only() {
        let redaction = redaction(&[("S", "ab")]);
        assert_eq!(redaction.apply(&Location::Line(1), "has \"ab\""), "has \"${S}\"");
        assert_eq!(redaction.apply(&Location::Line(9), "has \"cab\""), "has \"cab\"");
    }

    #[test]
    fn the_parts_of_values_are_bounded_in_bytes_and_whole_values_are_still_hidden() {
        let long = "x".repeat(MAX_PART_BYTES);
        let redaction = redaction(&[("L", &long), ("H", "host.internal")]);
        assert_eq!(redaction.parts.len(), 1);
        assert_eq!(redaction.apply(&Location::Line(1), "has host.int"), "has host.int");
        assert_eq!(redaction.apply(&Location::Line(1), "has host.internal"), "has ${H}");
    }

    #[test]
    fn the_form_for_debugging_has_no_value() {
        let shown = format!("{:?}", redaction(&[("H", "host.internal")]));
        assert!(shown.starts_with("Redaction") && !shown.contains("internal"), "{shown}");
    }

    #[test]
    fn characters_of_several_bytes_are_hidden_whole() {
        let redaction = redaction(&[("U", "größere-Straße")]);
        assert_eq!(redaction.apply(&Location::Line(1), "is größere-Stra, äöü"), "is …, äöü");
    }
}
