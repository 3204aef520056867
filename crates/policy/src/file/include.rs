//! Reads the `include` of a tier.

use crate::decide::{Glob, Include};
use access_broker_base::document::{Located, Table};
use access_broker_base::invisible::made_visible;

/// The most bytes of globs that one tier may have. It bounds the time of a decision: a glob costs at most its length
/// times that of the key.
const MAX_INCLUDE_BYTES: usize = 32 * 1_024;

/// How much of a glob an error shows, in characters.
const SHOWN_CHARACTERS: usize = 80;

/// Reads the `include` of a tier. `None`: it includes every key.
pub(super) fn read(table: &mut Table<'_>) -> Option<Include> {
    let patterns = table.strings("include")?;
    let whole = table.location_of("include");
    if patterns.is_empty() {
        table.report("include", &whole, "must not be an empty list; leave it out to include every key");
    }
    if patterns.iter().map(|pattern| pattern.value.len()).sum::<usize>() > MAX_INCLUDE_BYTES {
        table.report("include", &whole, "must not hold more than 32 KiB of globs");
        return None;
    }
    let mut globs = Vec::with_capacity(patterns.len());
    for Located { value, location } in &patterns {
        match Glob::parse(value) {
            Ok(glob) => globs.push(glob),
            Err(error) => {
                let rule = format!("holds a glob that is not valid: \"{}\" {error}", beginning(value));
                table.report("include", location, rule);
            }
        }
    }
    Some(Include(globs))
}

/// The beginning of a pattern, in one line and with its backslashes as they stand.
fn beginning(pattern: &str) -> String {
    match pattern.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => made_visible(&pattern[..end]).into_owned() + "…",
        None => made_visible(pattern).into_owned(),
    }
}
