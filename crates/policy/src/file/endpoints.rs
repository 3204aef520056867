//! Reads which endpoints URLs use.

use super::lists::{parse_entries, values};
use crate::object::EndpointName;
use access_broker_base::document::{Located, Table};

/// Reads the `endpoints` of a tier or a grant.
pub(super) fn read(
    table: &mut Table<'_>,
    meaning: &'static str,
    absent: &'static str,
) -> Option<Vec<Located<EndpointName>>> {
    let names = table.setting("endpoints", meaning).list("names of endpoints").absent(absent).optional()?;
    let not_empty = "must not be an empty list; leave it out to allow all";
    Some(parse_entries(table, "endpoints", names, not_empty, EndpointName::parse))
}

/// The names without their locations.
pub(super) fn names(endpoints: Option<&Vec<Located<EndpointName>>>) -> Option<Vec<EndpointName>> {
    endpoints.map(|endpoints| values(endpoints.clone()))
}
