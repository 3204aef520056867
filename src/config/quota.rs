//! `[quota]`: how often URLs are issued.

use std::ops::RangeInclusive;

use crate::quota::{QuotaSettings, RateLimit, RateScope, read_rate};
use access_broker_base::document::Table;

/// More than a busy service needs, less than a client that loops without a pause takes.
const DEFAULT_CALLER_RATE: &str = "1000/s";

const DEFAULT_REMEMBERED_CALLERS: usize = 100_000;

const REMEMBERED_CALLERS: RangeInclusive<usize> = 1_000..=10_000_000;

pub(super) fn read(mut table: Table<'_>) -> QuotaSettings {
    table.describe("How often URLs are issued and uploads verified, for each caller.", "");
    let caller = read_rate(&mut table, RateScope::Caller, "`1000/s`");
    let unlimited = table
        .setting("unlimited", "Turns off the quota per caller of this section. Quotas of tiers still apply.")
        .flag()
        .limits("`true` cannot be combined with `caller`")
        .or(false);
    if unlimited && table.holds("caller") {
        table.report("unlimited", &table.location_of("unlimited"), "cannot be combined with caller");
    }
    let report_only = table
        .setting(
            "report_only",
            "Counts calls over a quota, of this section or of a tier, and permits them: to find out what would be \
             refused.",
        )
        .flag()
        .or(false);
    let remembered_callers = table
        .setting(
            "remembered_callers",
            "How many callers are tracked, about 200 bytes each. At the limit, the least active are forgotten.",
        )
        .count()
        .within(REMEMBERED_CALLERS)
        .or(DEFAULT_REMEMBERED_CALLERS);
    table.finish();
    QuotaSettings {
        caller: if unlimited { None } else { caller.or_else(|| RateLimit::parse(DEFAULT_CALLER_RATE)) },
        report_only,
        remembered_callers,
    }
}
