//! Warnings about configuration and policy in the log, as `access-broker check` prints them.

use access_broker_base::document::Warnings;

/// The maximum number of lines per document. `check` prints all.
const MAX_LINES: usize = 20;

/// Logs each warning, and how many are left out.
pub(in crate::server) fn log(document: &str, warnings: &Warnings) {
    for (code, warning) in warnings.lines().take(MAX_LINES) {
        tracing::warn!(
            document,
            code = code.name(),
            warning,
            "a setting may be invalid or without effect; it is used as it is"
        );
    }
    let left_out = warnings.count().saturating_sub(MAX_LINES);
    if left_out > 0 {
        tracing::warn!(document, left_out, "limit of logged warnings reached; access-broker check prints all");
    }
}
