//! `[log]`: what is logged, and how.

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use tracing::Level;

use crate::calls::DEFAULT_REJECTED_PER_SECOND;
use crate::telemetry::{LogFormat, LogSettings};
use access_broker_base::document::{Overrides, Table};

/// The most that [`AccessLogSettings::rejected_per_second`] can be.
const MAX_REJECTED_PER_SECOND: u32 = 100_000;

/// Programs read the logs of containers and journals.
const DEFAULT_FORMAT: LogFormat = LogFormat::Json;

/// Which lines of calls are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccessLogSettings {
    /// How many lines are written in a second for rejected proofs, malformed requests and calls over a limit; 0 for
    /// none. Lines of other calls are always written.
    pub(crate) rejected_per_second: u32,
}

pub(super) fn read(mut table: Table<'_>) -> (LogSettings, AccessLogSettings) {
    table.describe("What the broker logs, to standard error. See [the log](OPERATIONS.md#the-log).", "");
    let settings = LogSettings {
        format: table
            .setting("format", "`json` writes one object per line. `text` is for people.")
            .choice(&LogFormat::ALL.map(|format| (format.name(), format)))
            .or(DEFAULT_FORMAT),
        level: table
            .setting(
                "level",
                "The least severe level of the broker's own events. [Libraries](#libraries) have their own.",
            )
            .choice(&[
                ("error", Level::ERROR),
                ("warn", Level::WARN),
                ("info", Level::INFO),
                ("debug", Level::DEBUG),
                ("trace", Level::TRACE),
            ])
            .or(Level::INFO),
    };
    let rejected_per_second = table
        .setting(
            "rejected_per_second",
            "How many access lines are written in a second for rejected proofs, malformed requests and calls over a \
             limit. Others are [counted](OPERATIONS.md#the-log).",
        )
        .count()
        .at_most(MAX_REJECTED_PER_SECOND)
        .or(DEFAULT_REJECTED_PER_SECOND);
    table.finish();
    (settings, AccessLogSettings { rejected_per_second })
}

/// `log.format` of the overrides, or of the text of a file that may be invalid in other places.
pub(super) fn format_alone(overrides: &Overrides, text: impl FnOnce() -> Option<String>) -> Option<LogFormat> {
    let named = |name: &str| LogFormat::ALL.into_iter().find(|format| format.name() == name);
    if let Some((_, name)) = overrides.get("log.format") {
        return named(name);
    }
    let text = text()?;
    let (root, errors) = DeTable::parse_recoverable(&text);
    let section = root.get_ref().get("log").map(Spanned::get_ref);
    match section.and_then(|section| section.get("format")).map(Spanned::get_ref) {
        Some(DeValue::String(name)) => named(name),
        Some(_) => None,
        // The part with the syntax error may set another format.
        None => errors.is_empty().then_some(DEFAULT_FORMAT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use access_broker_base::document::Location;

    #[test]
    fn the_format_is_read_from_a_file_with_problems_in_other_places() {
        let none = Overrides::new();
        let format = |text: &str| format_alone(&none, || Some(text.to_owned()));
        assert_eq!(format("[log]\nformat = 'text'\n[server]\nnonsense = 1\n"), Some(LogFormat::Text));
        assert_eq!(format("[server]\nnonsense = 1\n"), Some(LogFormat::Json), "the default");
        assert_eq!(format("[log]\nformat = 'json'\n[server]\nbroken\n"), Some(LogFormat::Json));
        assert_eq!(format("[server]\nbroken\n"), None, "the broken part may set a format");
        assert_eq!(format("[log]\nformat = 'xml'\n"), None);
        assert_eq!(format("[log]\nformat = 1\n"), None);
        assert_eq!(format("log = 1\n"), Some(LogFormat::Json));
        assert_eq!(format_alone(&none, || None), None, "no file");
        let location = Location::EnvironmentVariable("ACCESS_BROKER_LOG__FORMAT".to_owned());
        let overridden = Overrides::from([("log.format".to_owned(), (location, "json".to_owned()))]);
        assert_eq!(format_alone(&overridden, || None), Some(LogFormat::Json));
        assert_eq!(format_alone(&overridden, || Some("[log]\nformat = 'text'".to_owned())), Some(LogFormat::Json));
    }
}
