//! Reads the `include` of a tier.

use std::sync::Arc;

use super::lists::{beginning, parse_entries, values};
use crate::decide::{Glob, Include};
use access_broker_base::document::{Located, Table};

/// The most bytes of globs that one tier can have. It bounds the time of a decision: matching a glob takes at most its
/// length times the length of the key.
pub(super) const MAX_INCLUDE_BYTES: usize = 32 * 1_024;

/// An `include`, and its globs as the file has them.
#[derive(Debug, Clone)]
pub(super) struct WrittenInclude {
    pub(super) include: Arc<Include>,
    pub(super) globs: Vec<Located<String>>,
}

impl WrittenInclude {
    /// The bytes of all globs.
    pub(super) fn len(&self) -> usize {
        self.globs.iter().map(|glob| glob.value.len()).sum()
    }
}

/// Reads an `include`. `None`: it includes every key.
pub(super) fn read(table: &mut Table<'_>) -> Option<WrittenInclude> {
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
    let globs = patterns.clone();
    let include = Include(values(parse_entries(table, "include", patterns, not_empty, parse)));
    Some(WrittenInclude { include: Arc::new(include), globs })
}
