//! How often URLs may be issued in a tier.

use crate::document::Table;
use crate::quota::{RateLimit, read_rate};

/// The limits of one tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierQuota {
    /// Each caller's.
    pub caller: Option<RateLimit>,
    /// That of all callers together.
    pub total: Option<RateLimit>,
}

/// Reads the `quota` table of a tier, if there is one.
pub(super) fn read_quota(mut table: Table<'_>) -> Option<TierQuota> {
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
