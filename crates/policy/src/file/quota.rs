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

/// The settings of a `quota` table, as far as it has them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct QuotaSettings {
    caller: RateSettings,
    total: RateSettings,
}

/// A rate and its burst, as far as a table has them.
#[derive(Debug, Clone, Copy, Default)]
struct RateSettings {
    rate: Option<RateLimit>,
    burst: Option<NonZeroU32>,
}

/// Reads the `quota` table of a tier. `None`: neither the tier nor the defaults have one.
pub(super) fn read(mut table: Table<'_>, default: Option<&QuotaSettings>) -> Option<TierQuota> {
    let default = default.copied().unwrap_or_default();
    let own = read_settings(&mut table, &default, "How often URLs are issued in the tier.");
    let caller = own.caller.or(default.caller).limit();
    let total = own.total.or(default.total).limit();
    let is_empty = caller.is_none() && total.is_none();
    if is_empty && table.is_present() && !table.holds("caller") && !table.holds("total") {
        table.report_here("must have caller, total or both");
    }
    let is_present = table.is_present();
    table.finish();
    (is_present || !is_empty).then_some(TierQuota { caller, total })
}

/// Reads the `quota` table of defaults.
pub(super) fn read_defaults(mut table: Table<'_>) -> QuotaSettings {
    let meaning = "Settings for `quota` of tiers that do not have them.";
    let settings = read_settings(&mut table, &QuotaSettings::default(), meaning);
    table.finish();
    settings
}

fn read_settings(table: &mut Table<'_>, default: &QuotaSettings, meaning: &'static str) -> QuotaSettings {
    if !table.is_present() {
        return QuotaSettings::default();
    }
    table.describe(meaning, "none");
    QuotaSettings {
        caller: read_rate_settings(table, RateScope::Caller, "none", default.caller.rate.is_some()),
        total: read_rate_settings(table, RateScope::Total, "none", default.total.rate.is_some()),
    }
}

impl RateSettings {
    /// The table's own settings, or else the default ones. A burst of the defaults belongs to their rate: with a lower
    /// rate of the tier it would permit what the tier means to limit.
    fn or(self, default: Self) -> Self {
        let burst = if self.rate.is_some() { self.burst } else { self.burst.or(default.burst) };
        Self { rate: self.rate.or(default.rate), burst }
    }

    fn limit(self) -> Option<RateLimit> {
        self.rate.map(|rate| self.burst.map_or(rate, |burst| rate.with_burst(burst)))
    }
}

/// Reads a rate, such as `600/m`, and its burst. `absent` says in the reference what holds without the rate.
pub fn read_rate(table: &mut Table<'_>, scope: RateScope, absent: &'static str) -> Option<RateLimit> {
    read_rate_settings(table, scope, absent, false).limit()
}

/// `has_default`: whether a burst alone is enough.
fn read_rate_settings(
    table: &mut Table<'_>,
    scope: RateScope,
    absent: &'static str,
    has_default: bool,
) -> RateSettings {
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
        && !has_default
    {
        table.report(burst_key, &burst.location, format!("requires {key} to be set"));
    }
    let burst = burst.and_then(|burst| NonZeroU32::new(burst.value));
    RateSettings { rate: rate.map(|rate| rate.value), burst }
}
