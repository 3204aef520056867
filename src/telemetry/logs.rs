//! Logs: one event per line, readable or JSON, on standard error.

use std::fmt;

use tracing::{Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

impl LogFormat {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::Json, Self::Text];

    /// The name used in configurations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSettings {
    /// How lines look.
    pub format: LogFormat,
    /// The least severe level of the broker's own events. The line of each call is written in any case.
    pub level: Level,
}

/// Starts logging to standard error for the whole process.
pub fn start_logging(settings: LogSettings) {
    // A second start, as in tests that share a process, changes nothing.
    let _already_started = subscriber(settings, std::io::stderr).try_init();
}

/// The subscriber that [`start_logging`] installs, over any writer.
///
/// The line of each call is written whatever the level: an answer without a record must not happen. Libraries are heard
/// from warnings upwards, whatever the level: below that some of them write requests out, with
/// session tokens and headers.
pub fn subscriber<W>(settings: LogSettings, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let targets = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("access_broker", settings.level)
        .with_target("access", settings.level.max(Level::INFO));
    let lines = match settings.format {
        LogFormat::Json => layer().json().flatten_event(true).with_current_span(false).with_writer(writer).boxed(),
        LogFormat::Text => layer().with_ansi(false).with_writer(writer).boxed(),
    };
    registry().with(lines.with_filter(targets))
}
