//! Reads how often URLs may be issued in a tier.

use crate::decide::{TierQuota, read_rate};
use access_broker_base::document::Table;

/// Reads the `quota` table of a tier, if there is one.
pub(crate) fn read_quota(mut table: Table<'_>) -> Option<TierQuota> {
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
