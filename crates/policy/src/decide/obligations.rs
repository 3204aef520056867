//! What a tier demands of an operation, and whether a request meets it.

mod download;
mod upload;

use access_broker_base::document::{Located, Table};

pub(crate) use download::DownloadObligations;
pub(crate) use upload::UploadObligations;

/// A request field that breaks a rule. The text is for the caller and never repeats the field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// The field's name in the request message.
    pub field: &'static str,
    /// What must hold, as the rest of a sentence that begins with the field.
    pub rule: String,
}

impl FieldViolation {
    /// A violation from its parts.
    pub fn new(field: &'static str, rule: impl Into<String>) -> Self {
        Self { field, rule: rule.into() }
    }
}

/// Reads a list of which every entry must parse. An empty list is an error: it would demand what nobody can meet.
fn read_list<T>(
    table: &mut Table<'_>,
    key: &'static str,
    parse: impl Fn(&str) -> Option<T>,
    rule: impl Fn(&str) -> String,
) -> Option<Vec<T>> {
    let values = table.strings(key)?;
    if values.is_empty() {
        table.report(key, &table.place_of(key), "must not be an empty list; leave it out to demand nothing");
    }
    let mut parsed = Vec::new();
    for Located { value, place } in values {
        match parse(&value) {
            Some(item) => parsed.push(item),
            None => table.report(key, &place, rule(&value)),
        }
    }
    Some(parsed)
}
