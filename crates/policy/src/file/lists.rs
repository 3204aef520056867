//! Reads lists of values.

use access_broker_base::document::{Located, Table};

/// Reads a list of which every entry must parse. An empty list is an error: no request could satisfy it.
pub(super) fn read_list<T>(
    table: &mut Table<'_>,
    key: &'static str,
    parse: impl Fn(&str) -> Option<T>,
    rule: impl Fn(&str) -> String,
) -> Option<Vec<T>> {
    let values = table.strings(key)?;
    if values.is_empty() {
        table.report(key, &table.location_of(key), "must not be an empty list; leave it out to demand nothing");
    }
    let mut parsed = Vec::new();
    for Located { value, location } in values {
        match parse(&value) {
            Some(item) => parsed.push(item),
            None => table.report(key, &location, rule(&value)),
        }
    }
    Some(parsed)
}
