//! `[log]`: what is logged, and how.

use tracing::Level;

use crate::document::{Located, Table};
use crate::grpc::DEFAULT_REJECTED_PER_SECOND;
use crate::telemetry::{LogFormat, LogSettings};

/// The most that [`AccessLogSettings::rejected_per_second`] can be.
const MAX_REJECTED_PER_SECOND: u32 = 100_000;

/// Which lines of calls are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessLogSettings {
    /// The lines of calls with rejected proofs that are written in a second; 0 for none. All others are written.
    pub rejected_per_second: u32,
}

pub(super) fn read(mut table: Table<'_>) -> (LogSettings, AccessLogSettings) {
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
    let rejected_per_second = table.integer("rejected_per_second").and_then(|Located { value, place }| {
        let lines = u32::try_from(value).ok().filter(|lines| *lines <= MAX_REJECTED_PER_SECOND);
        if lines.is_none() {
            table.report("rejected_per_second", &place, "must be at most 100000");
        }
        lines
    });
    table.finish();
    (settings, AccessLogSettings { rejected_per_second: rejected_per_second.unwrap_or(DEFAULT_REJECTED_PER_SECOND) })
}
