//! Reads how long URLs of a tier work.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::layers::{Contradictions, Layered, layered};
use crate::decide::{LifetimeObligations, MAX_TTL};
use access_broker_base::document::{Located, Table, Unit};

/// Long enough for a person to paste the URL.
const DEFAULT_TTL: Duration = Duration::from_mins(15);

const DEFAULT_MAX_TTL: Duration = Duration::from_hours(1);

const TTL: RangeInclusive<Duration> = Duration::from_secs(1)..=MAX_TTL;

/// The settings of an operation about the life of its URLs, as far as a table has them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LifetimeSettings {
    max_ttl: Option<Duration>,
    default_ttl: Option<Duration>,
    end_with_token: Option<bool>,
}

/// What a tier uses, with the origin of what other settings are compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct LayeredLifetime {
    pub(super) obligations: LifetimeObligations,
    pub(super) max_ttl: Layered<Duration>,
    pub(super) end_with_token: Layered<bool>,
}

/// Reads the settings of an operation about the life of its URLs.
pub(super) fn read(table: &mut Table<'_>) -> LifetimeSettings {
    let has_max_ttl = table.holds("max_ttl");
    let max_ttl = table
        .setting("max_ttl", "The longest lifetime of a URL. A request for a longer one gets this one.")
        .duration()
        .within(TTL)
        .or(DEFAULT_MAX_TTL);
    // An invalid value was reported. Nothing contradicts the longest time.
    let max_ttl = if is_written(table, max_ttl) { max_ttl } else { MAX_TTL };
    let default_ttl = table
        .setting("default_ttl", "The lifetime of a URL if the request has no `ttl`.")
        .duration()
        .within(TTL)
        .limits("at most `max_ttl`")
        .absent("the smaller of `15m` and `max_ttl`")
        .optional();
    let has_end_with_token = table.holds("end_with_token");
    let end_with_token = table
        .setting(
            "end_with_token",
            "URLs expire with the caller's token at the latest. Callers whose token has expired, or who have none, are \
             refused.",
        )
        .flag()
        .or(false);
    LifetimeSettings {
        max_ttl: has_max_ttl.then_some(max_ttl),
        default_ttl: default_ttl.map(|ttl| ttl.value),
        end_with_token: has_end_with_token.then_some(end_with_token),
    }
}

/// Whether `max_ttl` is what the file says.
fn is_written(table: &Table<'_>, max_ttl: Duration) -> bool {
    let given = table.peek_strings("max_ttl");
    let is_equal = |text: &Located<String>| humantime::parse_duration(&text.value).is_ok_and(|ttl| ttl == max_ttl);
    given.first().is_some_and(is_equal)
}

impl LifetimeSettings {
    /// What a tier with these settings uses. Reports what contradicts.
    pub(super) fn resolve(&self, default: Option<&Self>, contradictions: Contradictions<'_, '_>) -> LayeredLifetime {
        let max_ttl = layered(self.max_ttl.as_ref(), default.and_then(|default| default.max_ttl.as_ref()));
        let max_ttl = max_ttl.unwrap_or(Layered::program(DEFAULT_MAX_TTL));
        let default_ttl = layered(self.default_ttl.as_ref(), default.and_then(|default| default.default_ttl.as_ref()));
        if let Some(default_ttl) = default_ttl {
            report_default_ttl(default_ttl, max_ttl, contradictions);
        }
        let end_with_token = default.and_then(|default| default.end_with_token.as_ref());
        let end_with_token = layered(self.end_with_token.as_ref(), end_with_token).unwrap_or(Layered::program(false));
        let obligations = LifetimeObligations {
            max_ttl: max_ttl.value,
            default_ttl: default_ttl.map_or(DEFAULT_TTL.min(max_ttl.value), |ttl| ttl.value),
            end_with_token: end_with_token.value,
        };
        LayeredLifetime { obligations, max_ttl, end_with_token }
    }
}

fn report_default_ttl(
    default_ttl: Layered<Duration>,
    max_ttl: Layered<Duration>,
    contradictions: Contradictions<'_, '_>,
) {
    if default_ttl.value > max_ttl.value {
        let rule = format!("must not be longer than max_ttl ({})", written(max_ttl.value));
        let location = contradictions.table.location_of("default_ttl");
        contradictions.report(("default_ttl", default_ttl.origin), ("max_ttl", max_ttl.origin), &location, rule);
    }
}

/// As a policy file would write it.
pub(super) fn written(duration: Duration) -> String {
    Unit::Seconds.written(duration.as_secs())
}
