//! Reads how long URLs of a tier work.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::decide::{LifetimeObligations, MAX_TTL};
use access_broker_base::document::{Located, Table, Unit};

/// Long enough for a person to paste the URL.
const DEFAULT_TTL: Duration = Duration::from_mins(15);

const DEFAULT_MAX_TTL: Duration = Duration::from_hours(1);

const TTL: RangeInclusive<Duration> = Duration::from_secs(1)..=MAX_TTL;

/// Reads the settings of an operation about the life of its URLs.
pub(super) fn read(table: &mut Table<'_>) -> LifetimeObligations {
    let max_ttl = table
        .setting("max_ttl", "The longest lifetime of a URL. A request for a longer one gets this one.")
        .duration()
        .within(TTL)
        .or(DEFAULT_MAX_TTL);
    let default_ttl = table
        .setting("default_ttl", "The lifetime of a URL if the request has no `ttl`.")
        .duration()
        .within(TTL)
        .limits("at most `max_ttl`")
        .absent("the smaller of `15m` and `max_ttl`")
        .optional();
    let end_with_token = table
        .setting(
            "end_with_token",
            "URLs expire with the caller's token at the latest. Callers whose token has expired, or who have none, are \
             refused.",
        )
        .flag()
        .or(false);
    if let Some(Located { value, location }) = &default_ttl
        && *value > max_ttl
        && is_used(table, max_ttl)
    {
        table.report("default_ttl", location, format!("must not be longer than max_ttl ({})", written(max_ttl)));
    }
    LifetimeObligations {
        max_ttl,
        default_ttl: default_ttl.map_or(DEFAULT_TTL.min(max_ttl), |ttl| ttl.value),
        end_with_token,
    }
}

/// Whether `max_ttl` is what the file says. If not, the file's own value is invalid, and no rule compares with it.
pub(super) fn is_used(table: &Table<'_>, max_ttl: Duration) -> bool {
    let given = table.peek_strings("max_ttl");
    let is_equal = |text: &Located<String>| humantime::parse_duration(&text.value).is_ok_and(|ttl| ttl == max_ttl);
    !table.holds("max_ttl") || given.first().is_some_and(is_equal)
}

/// As a policy file would write it.
pub(super) fn written(duration: Duration) -> String {
    Unit::Seconds.written(duration.as_secs())
}
