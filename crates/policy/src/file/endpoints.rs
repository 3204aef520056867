//! Reads which endpoints URLs use.

use std::collections::BTreeSet;

use super::context::PolicyContext;
use super::lists::{parse_entries, values};
use crate::object::{BucketName, EndpointName};
use access_broker_base::document::{Document, Located, Table};

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

/// Reads the `endpoints` of a tier, or of defaults.
pub(super) fn read_of_tiers(table: &mut Table<'_>) -> Option<Vec<Located<EndpointName>>> {
    read(
        table,
        "The bucket's endpoints that URLs can use. The first is used if neither the request nor the grant has one.",
        "every endpoint of the bucket, the default one first",
    )
}

/// Reports the endpoints that the bucket does not have. `path` is that of the table with the names.
pub(super) fn report_unknown(
    document: &Document<'_>,
    path: &str,
    endpoints: &[Located<EndpointName>],
    bucket: &BucketName,
    known: &BTreeSet<EndpointName>,
) {
    for Located { value, location } in endpoints {
        if !known.contains(value) {
            let rule = format!("refers to undefined endpoint \"{value}\" of bucket \"{bucket}\"");
            document.report(location, format!("{path}.endpoints"), rule);
        }
    }
}

/// The endpoints of the bucket that a tier allows.
pub(super) fn usable<'c>(
    bucket: &BucketName,
    of_tier: Option<&[EndpointName]>,
    context: &PolicyContext<'c>,
) -> BTreeSet<&'c EndpointName> {
    let of_bucket = context.buckets.get(bucket).into_iter().flat_map(|known| &known.endpoints);
    of_bucket.filter(|name| of_tier.is_none_or(|list| list.contains(name))).collect()
}

/// The names without their locations.
pub(super) fn names(endpoints: Option<&Vec<Located<EndpointName>>>) -> Option<Vec<EndpointName>> {
    endpoints.map(|endpoints| values(endpoints.clone()))
}
