//! What the program prints for its user, apart from the log.

use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tracing::Level;

use crate::telemetry::{LogFormat, LogHandle, LogSettings, start_logging};

use super::{EXIT_FAILURE, EXIT_SECOND_SIGINT, EXIT_SECOND_SIGTERM};

/// How long a server or a probe waits for the reader of its standard output or standard error.
const READER_PATIENCE: Duration = Duration::from_secs(2);

/// How long the exit waits for the last lines of the log.
const LAST_LINES_PATIENCE: Duration = Duration::from_secs(1);

/// The same after a second signal, which requests an immediate exit.
const LAST_LINES_AT_ONCE: Duration = Duration::from_millis(100);

/// Prints a line for the user, and waits for the reader without a limit: it may be a pager. A missing reader is no
/// failure.
pub(super) fn say(text: impl AsRef<str>) {
    let _written = try_say(text);
}

/// As [`say`], for output that a program reads. A reader that has left has what it wants.
///
/// # Errors
///
/// When the output cannot be written, for example to a full disk.
pub(super) fn try_say(text: impl AsRef<str>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{}", text.as_ref()).and_then(|()| stdout.flush());
    written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

/// [`try_say`], and a complaint if it fails. Returns the exit code: `code`, or that of a failure.
pub(super) fn say_or_fail(text: impl AsRef<str>, code: u8) -> u8 {
    match try_say(text) {
        Ok(()) => code,
        Err(error) => {
            complain(&anyhow::Error::new(error).context("writing to standard output failed"));
            EXIT_FAILURE
        }
    }
}

/// Prints a warning to standard error, and waits for the reader without a limit.
pub(super) fn warn(text: &str) {
    print_complaint(&format!("access-broker: warning: {text}\n"));
}

/// Prints an error with its causes, and waits for the reader without a limit.
pub(super) fn complain(error: &anyhow::Error) {
    print_complaint(&complaint(error));
}

/// [`say`] for a process that must not hang: the reader has two seconds.
pub(super) fn say_in_time(text: impl AsRef<str>) {
    let text = text.as_ref().to_owned();
    in_time(READER_PATIENCE, move || say(text));
}

/// [`complain`] for a process that must not hang: the reader has two seconds.
pub(super) fn complain_in_time(error: &anyhow::Error) {
    let text = complaint(error);
    in_time(READER_PATIENCE, move || print_complaint(&text));
}

/// Logs the error that ends the process. Each line of the error is one line of the log: a configuration can have
/// several problems. If there are several, each has its number and their total.
pub(super) fn log_failure(error: &anyhow::Error) {
    for (cause, problem, of) in lines_of(&format!("{error:#}")) {
        tracing::error!(cause, problem, of, "access-broker failed");
    }
}

/// The lines of an error. If there are several, each has its number, from 1, and their total.
pub(super) fn lines_of(error: &str) -> impl Iterator<Item = (&str, Option<usize>, Option<usize>)> {
    let count = error.lines().count();
    let number = move |number: usize| (count > 1).then_some(number);
    error.lines().enumerate().map(move |(index, line)| (line, number(index + 1), number(count)))
}

/// Reports an invalid configuration before the log has started: as log lines if the format is known to be JSON,
/// otherwise like [`complain_in_time`].
pub(super) fn fail_before_the_log(error: &anyhow::Error, format: Option<LogFormat>, code: u8) -> u8 {
    let settings = LogSettings { format: LogFormat::Json, level: Level::ERROR };
    match format.filter(|format| *format == LogFormat::Json).map(|_| start_logging(settings)) {
        Some(Ok(log)) => {
            log_failure(error);
            end_log(&log, code)
        }
        Some(Err(_)) | None => {
            complain_in_time(error);
            code
        }
    }
}

/// Waits for the last lines of the log, and returns the exit code.
pub(super) fn end_log(log: &LogHandle, code: u8) -> u8 {
    let patience = match code {
        EXIT_SECOND_SIGINT | EXIT_SECOND_SIGTERM => LAST_LINES_AT_ONCE,
        _ => LAST_LINES_PATIENCE,
    };
    // A loss cannot be reported any more.
    let _written = log.flush(patience);
    code
}

/// Every line has the program's name, so that a journal shows which program wrote it.
fn complaint(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for line in format!("{error:#}").lines() {
        text.extend(["access-broker: ", line, "\n"]);
    }
    text
}

fn print_complaint(text: &str) {
    let _written = io::stderr().lock().write_all(text.as_bytes());
}

/// Prints in a separate thread, and waits for it up to the limit. The exit does not wait for the thread.
fn in_time(patience: Duration, print: impl FnOnce() + Send + 'static) {
    let (printed, has_printed) = mpsc::channel();
    let print = move || {
        print();
        let _gave_up = printed.send(());
    };
    if thread::Builder::new().name("print".to_owned()).spawn(print).is_ok() {
        let _in_time = has_printed.recv_timeout(patience);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn every_line_of_a_complaint_names_the_program() {
        let error = anyhow::anyhow!("broker.toml:1: a\nbroker.toml:2: b").context("not valid");
        assert_eq!(complaint(&error), "access-broker: not valid: broker.toml:1: a\naccess-broker: broker.toml:2: b\n");
    }

    #[test]
    fn a_reader_that_stalls_is_given_up() {
        let (_never, forever) = mpsc::channel::<()>();
        let started = Instant::now();
        in_time(Duration::from_millis(10), move || {
            let _ended = forever.recv();
        });
        assert!(started.elapsed() >= Duration::from_millis(10));
    }

    #[test]
    fn what_is_printed_in_time_is_waited_for() {
        let (printed, has_printed) = mpsc::channel();
        in_time(Duration::from_secs(30), move || printed.send(()).unwrap());
        assert!(has_printed.try_recv().is_ok());
    }
}
