//! Reads how long URLs of a tier may work.

use std::time::Duration;

use crate::decide::{LifetimeObligations, MAX_TTL};
use access_broker_base::document::{Located, Table};

/// The life of a URL where neither request nor tier says more: long enough for a person to paste it.
const DEFAULT_TTL: Duration = Duration::from_mins(15);

/// The largest TTL of a tier that names none.
const DEFAULT_MAX_TTL: Duration = Duration::from_hours(1);

/// Reads the settings of an operation that are about the life of its URLs.
pub(super) fn read(table: &mut Table<'_>) -> LifetimeObligations {
    let max_ttl = table.duration("max_ttl");
    let default_ttl = table.duration("default_ttl");
    for (key, ttl) in [("max_ttl", &max_ttl), ("default_ttl", &default_ttl)] {
        if let Some(Located { value, location }) = ttl
            && !(Duration::from_secs(1)..=MAX_TTL).contains(value)
        {
            table.report(key, location, "must be between 1s and 7days, the limit of SigV4 signatures");
        }
    }
    let max = max_ttl.map_or(DEFAULT_MAX_TTL, |ttl| ttl.value);
    if let Some(Located { value, location }) = &default_ttl
        && *value > max
    {
        let rule = format!("must not be longer than max_ttl ({})", humantime::format_duration(max));
        table.report("default_ttl", location, rule);
    }
    LifetimeObligations {
        max_ttl: max,
        default_ttl: default_ttl.map_or(DEFAULT_TTL.min(max), |ttl| ttl.value),
        end_with_token: table.boolean("end_with_token").is_some_and(|flag| flag.value),
    }
}
