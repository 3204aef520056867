//! Lists of values. An empty list is an error, because it is never what its author means.

use std::fmt::Display;

use access_broker_base::document::{Located, Table};
use access_broker_base::invisible::made_visible;

/// The rule that an empty list breaks where a left-out list means something else.
pub(super) const NOT_EMPTY: &str = "must not be an empty list";

/// The rule that an empty value breaks.
pub(super) const NO_EMPTY_VALUE: &str = "must not have an empty value";

/// How much of a pattern an error shows, in characters.
const SHOWN_CHARACTERS: usize = 80;

/// The rule that an empty list of demands breaks.
pub(super) const NO_DEMAND: &str = "must not be an empty list; leave it out to demand nothing";

/// The entries that `parse` accepts. Reports the others, and an empty list by the rule `not_empty`.
pub(super) fn parse_entries<T, E: Display>(
    table: &Table<'_>,
    key: &str,
    entries: Vec<Located<String>>,
    not_empty: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Vec<Located<T>> {
    if entries.is_empty() {
        table.report(key, &table.location_of(key), not_empty);
    }
    let mut parsed = Vec::with_capacity(entries.len());
    for Located { value, location } in entries {
        match parse(&value) {
            Ok(value) => parsed.push(Located { value, location }),
            Err(rule) => table.report(key, &location, rule),
        }
    }
    parsed
}

/// All entries. Reports an empty list and empty entries: no caller can match them.
pub(super) fn not_empty(table: &Table<'_>, key: &str, entries: Vec<Located<String>>) -> Vec<String> {
    if entries.is_empty() {
        table.report(key, &table.location_of(key), NOT_EMPTY);
    }
    for Located { location, .. } in entries.iter().filter(|entry| entry.value.is_empty()) {
        table.report(key, location, NO_EMPTY_VALUE);
    }
    values(entries)
}

/// The entries without their locations.
pub(super) fn values<T>(entries: Vec<Located<T>>) -> Vec<T> {
    entries.into_iter().map(|entry| entry.value).collect()
}

/// The beginning of a pattern, in one line and with its backslashes unescaped.
pub(super) fn beginning(pattern: &str) -> String {
    match pattern.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => made_visible(&pattern[..end]).into_owned() + "…",
        None => made_visible(pattern).into_owned(),
    }
}
