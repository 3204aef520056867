//! Reads the `include` of a tier.

use super::lists::{parse_entries, values};
use crate::decide::{Glob, Include};
use access_broker_base::document::Table;
use access_broker_base::invisible::made_visible;

/// The most bytes of globs that one tier can have. It bounds the time of a decision: matching a glob takes at most its
/// length times the length of the key.
const MAX_INCLUDE_BYTES: usize = 32 * 1_024;

/// How much of a glob an error shows, in characters.
const SHOWN_CHARACTERS: usize = 80;

/// Reads the `include` of a tier. `None`: it includes every key.
pub(super) fn read(table: &mut Table<'_>) -> Option<Include> {
    let patterns = table
        .setting("include", "Which keys below the prefix belong to the tier: one of the globs must match.")
        .list("globs")
        .limits("at most 1,024 bytes each and 32 KiB in all")
        .absent("every key")
        .optional()?;
    if patterns.iter().map(|pattern| pattern.value.len()).sum::<usize>() > MAX_INCLUDE_BYTES {
        table.report("include", &table.location_of("include"), "must not have more than 32 KiB of globs");
        return None;
    }
    let not_empty = "must not be an empty list; leave it out to include every key";
    let parse = |pattern: &str| {
        Glob::parse(pattern).map_err(|error| format!("has an invalid glob: \"{}\" {error}", beginning(pattern)))
    };
    Some(Include(values(parse_entries(table, "include", patterns, not_empty, parse))))
}

/// The beginning of a pattern, in one line and with its backslashes unescaped.
fn beginning(pattern: &str) -> String {
    match pattern.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => made_visible(&pattern[..end]).into_owned() + "…",
        None => made_visible(pattern).into_owned(),
    }
}
