//! Reads by which endpoints URLs may go.

use crate::object::EndpointName;
use access_broker_base::document::{Located, Table};

/// Reads the `endpoints` of a tier or a grant.
pub(super) fn read(table: &mut Table<'_>) -> Option<Vec<Located<EndpointName>>> {
    let names = table.strings("endpoints")?;
    if names.is_empty() {
        table.report(
            "endpoints",
            &table.location_of("endpoints"),
            "must not be an empty list; leave it out to allow all",
        );
    }
    let mut parsed = Vec::new();
    for Located { value, location } in names {
        match EndpointName::parse(&value) {
            Ok(value) => parsed.push(Located { value, location }),
            Err(error) => table.report("endpoints", &location, error),
        }
    }
    Some(parsed)
}
