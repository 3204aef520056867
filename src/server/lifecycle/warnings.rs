//! Warnings about configuration and policy in the log, as `access-broker check` prints them.

use access_broker_base::document::Warnings;

/// The most lines about one document. `check` prints all.
const MAX_LINES: usize = 20;

/// Logs each warning in a line of its own, and how many are left out.
pub(in crate::server) fn log(what: &str, warnings: &Warnings) {
    for (code, warning) in warnings.lines().take(MAX_LINES) {
        tracing::warn!(code = code.name(), warning, "the {what} has a setting to look at");
    }
    let left_out = warnings.count().saturating_sub(MAX_LINES);
    if left_out > 0 {
        tracing::warn!(left_out, "the {what} has more warnings; access-broker check prints them");
    }
}
