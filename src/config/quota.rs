//! `[quota]`: how often URLs are issued.

use crate::quota::{QuotaSettings, RateLimit, RateScope, read_rate};
use access_broker_base::document::{Located, Table};

/// What is allowed where nothing is said: more than a busy service needs, less than a loop gone wild takes.
const DEFAULT_CALLER_RATE: &str = "1000/s";

/// The callers that are remembered where nothing is said.
const DEFAULT_REMEMBERED_CALLERS: usize = 100_000;

/// The bounds of that number.
const REMEMBERED_CALLERS: std::ops::RangeInclusive<usize> = 1_000..=10_000_000;

pub(super) fn read(mut table: Table<'_>) -> QuotaSettings {
    let unlimited = table.boolean("unlimited").is_some_and(|flag| flag.value);
    if unlimited && table.holds("caller") {
        table.report("unlimited", &table.location_of("unlimited"), "must not be true beside caller");
    }
    let caller = read_rate(&mut table, RateScope::Caller, "`1000/s`");
    let report_only = table.boolean("report_only").is_some_and(|flag| flag.value);
    let remembered_callers = table.integer("remembered_callers").map(|Located { value, location }| {
        let count = usize::try_from(value).ok().filter(|count| REMEMBERED_CALLERS.contains(count));
        if count.is_none() {
            table.report("remembered_callers", &location, "must be between 1000 and 10000000");
        }
        count.unwrap_or(DEFAULT_REMEMBERED_CALLERS)
    });
    table.finish();
    QuotaSettings {
        caller: if unlimited { None } else { caller.or_else(|| RateLimit::parse(DEFAULT_CALLER_RATE)) },
        report_only,
        remembered_callers: remembered_callers.unwrap_or(DEFAULT_REMEMBERED_CALLERS),
    }
}
