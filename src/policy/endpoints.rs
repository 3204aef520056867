//! Which of a bucket's endpoints a URL goes by.

use super::endpoint_name::EndpointName;
use super::rule::Rule;
use super::tier::Tier;
use crate::document::{Located, Table};

/// Reads the `endpoints` of a tier or a grant.
pub(super) fn read(table: &mut Table<'_>) -> Option<Vec<Located<EndpointName>>> {
    let names = table.strings("endpoints")?;
    if names.is_empty() {
        table.report("endpoints", &table.place_of("endpoints"), "must not be an empty list; leave it out to allow all");
    }
    let mut parsed = Vec::new();
    for Located { value, place } in names {
        match EndpointName::parse(&value) {
            Ok(value) => parsed.push(Located { value, place }),
            Err(error) => table.report("endpoints", &place, error),
        }
    }
    Some(parsed)
}

/// The endpoint that a caller gets by a grant: the one it asks for, or else the first of the grant's, of the tier's, or
/// the default one. It must be in the lists that the grant and the tier have. `None`: not by this grant.
pub(super) fn choose(tier: &Tier, grant: &Rule, wanted: Option<&EndpointName>) -> Option<EndpointName> {
    let lists = [grant.endpoints(), tier.endpoints.as_deref()];
    let allowed = |name: &EndpointName| lists.into_iter().flatten().all(|list| list.contains(name));
    match (wanted, lists.into_iter().flatten().next()) {
        (Some(wanted), _) => Some(wanted).filter(|name| allowed(name)).cloned(),
        (None, Some(preferred)) => preferred.iter().find(|name| allowed(name)).cloned(),
        (None, None) => Some(EndpointName::default_endpoint()),
    }
}
