//! Reads how often URLs may be issued in a tier.

use std::num::NonZeroU32;

use crate::decide::{MAX_COUNT, RateLimit, TierQuota};
use access_broker_base::document::{Located, Table};

/// Reads the `quota` table of a tier, if there is one.
pub(super) fn read(mut table: Table<'_>) -> Option<TierQuota> {
    if !table.is_present() {
        return None;
    }
    let caller = read_rate(&mut table, "caller", "caller_burst");
    let total = read_rate(&mut table, "total", "total_burst");
    if !table.holds("caller") && !table.holds("total") {
        table.report_here("must have caller, total or both");
    }
    table.finish();
    Some(TierQuota { caller, total })
}

/// A rate such as `600/m`. The burst is a count of calls, with a key of its own.
pub fn read_rate(table: &mut Table<'_>, key: &'static str, burst_key: &'static str) -> Option<RateLimit> {
    let rate = table.string(key).and_then(|Located { value, location }| {
        let parsed = RateLimit::parse(&value);
        if parsed.is_none() {
            table.report(key, &location, "must be a rate, such as \"50/s\", \"600/m\" or \"1000/h\"");
        }
        parsed
    });
    let burst = table.integer(burst_key).and_then(|Located { value, location }| {
        let burst = u32::try_from(value).ok().filter(|burst| *burst <= MAX_COUNT).and_then(NonZeroU32::new);
        if burst.is_none() {
            table.report(burst_key, &location, "must be between 1 and 1000000");
        }
        burst
    });
    if burst.is_some() && !table.holds(key) {
        table.report(burst_key, &table.location_of(burst_key), format!("needs {key}, which is not set"));
    }
    rate.map(|rate| burst.map_or(rate, |burst| rate.with_burst(burst)))
}
