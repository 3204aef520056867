//! `[log]`: what is logged, and how.

use tracing::Level;

use crate::document::{Located, Table};
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
        format: one_of(&mut table, "format", &formats).unwrap_or(LogFormat::Json),
        level: one_of(&mut table, "level", &levels).unwrap_or(Level::INFO),
    };
    table.finish();
    settings
}

/// One of a closed list of names.
pub(super) fn one_of<T: Copy>(table: &mut Table<'_>, key: &'static str, values: &[(&str, T)]) -> Option<T> {
    let Located { value, place } = table.string(key)?;
    let found = values.iter().find(|(name, _)| *name == value).map(|(_, found)| *found);
    if found.is_none() {
        let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        table.report(key, &place, format!("must be one of: {}", names.join(", ")));
    }
    found
}
