//! Logs: one event per line, as text or JSON, on standard error.
//!
//! A line is put into a bounded [queue], and a separate [thread](writer) writes it: no call, no health check and no
//! stop waits for the reader of the log. Lost lines are [counted](loss).
//!
//! The queue is an unbounded channel of Tokio's with a semaphore whose permits are bytes. `tracing-appender` does not
//! fit: its queue is bounded by lines and not by bytes, it neither counts nor retries failed writes, and its guard
//! prints to standard output if its thread does not end in time, which may be the stream that hangs.

mod handle;
mod json_line;
mod loss;
mod queue;
mod shorten;
mod writer;

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use tracing::{Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::{Filter, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, registry, reload};

use json_line::JsonLine;

pub(crate) use handle::LogHandle;
pub use loss::LogCounts;
pub(crate) use loss::LossCause;

/// The format of log lines.
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

/// The log settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSettings {
    /// The format of lines.
    pub format: LogFormat,
    /// The least severe level of the broker's own events. Access lines are independent of it.
    pub level: Level,
}

/// Starts logging to standard error for the whole process. Call [`LogHandle::flush`] before the process ends.
///
/// # Errors
///
/// When standard error cannot be opened a second time, or the thread of the log cannot be started.
pub(crate) fn start_logging(settings: LogSettings) -> io::Result<LogHandle> {
    // Without the lock of the standard library: a thread that held it would wait for the reader of the log.
    let stream = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let (queue, handle) = writer::start(stream, settings)?;
    let (filter, level) = reload::Layer::new(targets(settings.level));
    // A second start, as in tests that share a process, has no effect.
    let _already_started = lines(settings.format, queue, filter).try_init();
    Ok(handle.with_level(level))
}

/// The subscriber that `start_logging` installs, over any writer.
///
/// Access lines are written at every level. Library logs start at warn at every level: below that some of them log
/// requests with session tokens and headers.
pub fn subscriber<W>(settings: LogSettings, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    lines(settings.format, writer, targets(settings.level))
}

fn targets(level: Level) -> Targets {
    Targets::new()
        .with_default(LevelFilter::WARN)
        // Its warnings are errors in their `Debug` form, with answers of programs and services. The chain's own error
        // has the cause.
        .with_target("aws_config", LevelFilter::OFF)
        .with_target("aws_runtime::env_config", LevelFilter::OFF)
        // A client can cause one warning per frame. Metrics count the relevant ones.
        .with_target("h2", LevelFilter::OFF)
        .with_target("hyper", LevelFilter::OFF)
        .with_target("access_broker", level)
        .with_target("access", level.max(Level::INFO))
}

fn lines<W, F>(format: LogFormat, writer: W, filter: F) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    F: Filter<Registry> + Send + Sync + 'static,
{
    let lines = match format {
        LogFormat::Json => {
            let lines = layer().json().flatten_event(true).with_current_span(false).map_event_format(JsonLine::new);
            lines.with_writer(writer).boxed()
        }
        LogFormat::Text => layer().with_ansi(false).with_writer(writer).boxed(),
    };
    registry().with(lines.with_filter(filter))
}
