//! The budgets of calls, from the settings.

use crate::admission::{BudgetLimits, Budgets};
use crate::config::LimitSettings;

pub(super) fn budgets(limits: &LimitSettings) -> Budgets {
    Budgets::new(BudgetLimits {
        streams: limits.max_streams.into(),
        unproven_streams: limits.max_unproven_streams as usize,
        unproven_streams_per_connection: limits.max_unproven_streams_per_connection as usize,
        places: limits.max_calls_in_flight.into(),
        message_memory: limits.request_memory,
        signature_checks: limits.signature_checks as usize,
    })
}
