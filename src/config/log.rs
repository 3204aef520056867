//! `[log]`: what is logged, and how.

use tracing::Level;

use crate::document::Table;
use crate::telemetry::{LogFormat, LogSettings};

pub(super) fn read(mut table: Table<'_>) -> LogSettings {
    let formats = LogFormat::ALL.map(|format| (format.name(), format));
    let levels = [
        ("error", Level::ERROR),
        ("warn", Level::WARN),
        ("info", Level::INFO),
        ("debug", Level::DEBUG),
        ("trace", Level::TRACE),
    ];
    let settings = LogSettings {
        format: table.one_of("format", &formats).unwrap_or(LogFormat::Json),
        level: table.one_of("level", &levels).unwrap_or(Level::INFO),
    };
    table.finish();
    settings
}
