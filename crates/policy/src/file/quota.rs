//! Reads how often URLs are issued.

use std::num::NonZeroU32;

use crate::decide::{MAX_COUNT, RateLimit, TierQuota};
use access_broker_base::document::Table;

/// Whom a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateScope {
    /// Each caller by itself: `caller` and `caller_burst`.
    Caller,
    /// All callers together: `total` and `total_burst`.
    Total,
}

/// Reads the `quota` table of a tier, if it has one.
pub(super) fn read(mut table: Table<'_>) -> Option<TierQuota> {
    if !table.is_present() {
        return None;
    }
    table.describe("How often URLs are issued in the tier.", "none");
    let caller = read_rate(&mut table, RateScope::Caller, "none");
    let total = read_rate(&mut table, RateScope::Total, "none");
    if !table.holds("caller") && !table.holds("total") {
        table.report_here("must have caller, total or both");
    }
    table.finish();
    Some(TierQuota { caller, total })
}

/// Reads a rate, such as `600/m`, and its burst. `absent` says in the reference what holds without the rate.
pub fn read_rate(table: &mut Table<'_>, scope: RateScope, absent: &'static str) -> Option<RateLimit> {
    let (key, meaning) = match scope {
        RateScope::Caller => ("caller", "How many permitted calls each caller has in a second, minute or hour."),
        RateScope::Total => {
            ("total", "How many permitted calls all callers together have in a second, minute or hour.")
        }
    };
    let (burst_key, burst_meaning, burst_limits, burst_absent) = match scope {
        RateScope::Caller => (
            "caller_burst",
            "How many permitted calls one caller can make at once.",
            "requires `caller`",
            "the number of the rate",
        ),
        RateScope::Total => (
            "total_burst",
            "How many permitted calls all callers can make at once.",
            "requires `total`",
            "the number of the rate",
        ),
    };
    let rate = table
        .setting(key, meaning)
        .parsed("rate", |text| {
            RateLimit::parse(text).ok_or("must be a rate, such as \"50/s\", \"600/m\" or \"1000/h\"")
        })
        .limits("a number up to 1000000, and `/s`, `/m` or `/h`")
        .absent(absent)
        .optional();
    let burst = table
        .setting(burst_key, burst_meaning)
        .count()
        .within(1..=MAX_COUNT)
        .limits(burst_limits)
        .absent(burst_absent)
        .optional();
    if let Some(burst) = &burst
        && !table.holds(key)
    {
        table.report(burst_key, &burst.location, format!("requires {key} to be set"));
    }
    let burst = burst.and_then(|burst| NonZeroU32::new(burst.value));
    rate.map(|rate| burst.map_or(rate.value, |burst| rate.value.with_burst(burst)))
}
