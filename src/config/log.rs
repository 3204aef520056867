//! `[log]`: what is logged, and how.

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use tracing::Level;

use crate::calls::DEFAULT_REJECTED_PER_SECOND;
use crate::telemetry::{LogFormat, LogSettings};
use access_broker_base::document::{Located, Overrides, Table};

/// The most that [`AccessLogSettings::rejected_per_second`] can be.
const MAX_REJECTED_PER_SECOND: u32 = 100_000;

/// What a server writes into containers and journals, for programs to read.
const DEFAULT_FORMAT: LogFormat = LogFormat::Json;

/// Which lines of calls are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccessLogSettings {
    /// The lines of calls with rejected proofs that are written in a second; 0 for none. All others are written.
    pub(crate) rejected_per_second: u32,
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
        format: table.one_of("format", &formats).unwrap_or(DEFAULT_FORMAT),
        level: table.one_of("level", &levels).unwrap_or(Level::INFO),
    };
    let rejected_per_second = table.integer("rejected_per_second").and_then(|Located { value, location }| {
        let lines = u32::try_from(value).ok().filter(|lines| *lines <= MAX_REJECTED_PER_SECOND);
        if lines.is_none() {
            table.report("rejected_per_second", &location, "must be at most 100000");
        }
        lines
    });
    table.finish();
    (settings, AccessLogSettings { rejected_per_second: rejected_per_second.unwrap_or(DEFAULT_REJECTED_PER_SECOND) })
}

/// `log.format` by overrides, or by the text of a file that may be wrong everywhere else.
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
        // What cannot be read may have named another.
        None => errors.is_empty().then_some(DEFAULT_FORMAT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use access_broker_base::document::Location;

    #[test]
    fn the_format_can_be_told_of_a_file_that_is_wrong_elsewhere() {
        let none = Overrides::new();
        let told = |text: &str| format_alone(&none, || Some(text.to_owned()));
        assert_eq!(told("[log]\nformat = 'text'\n[server]\nnonsense = 1\n"), Some(LogFormat::Text));
        assert_eq!(told("[server]\nnonsense = 1\n"), Some(LogFormat::Json), "the default");
        assert_eq!(told("[log]\nformat = 'json'\n[server]\nbroken\n"), Some(LogFormat::Json));
        assert_eq!(told("[server]\nbroken\n"), None, "what is broken may name a format");
        assert_eq!(told("[log]\nformat = 'xml'\n"), None);
        assert_eq!(told("[log]\nformat = 1\n"), None);
        assert_eq!(told("log = 1\n"), Some(LogFormat::Json));
        assert_eq!(format_alone(&none, || None), None, "no file");
        let location = Location::EnvironmentVariable("ACCESS_BROKER_LOG__FORMAT".to_owned());
        let overridden = Overrides::from([("log.format".to_owned(), (location, "json".to_owned()))]);
        assert_eq!(format_alone(&overridden, || None), Some(LogFormat::Json));
        assert_eq!(format_alone(&overridden, || Some("[log]\nformat = 'text'".to_owned())), Some(LogFormat::Json));
    }
}
