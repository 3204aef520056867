//! The thread that writes the log.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::TryRecvError;
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

use super::handle::LogHandle;
use super::loss::LossCause;
use super::queue::{LogQueue, MAX_QUEUE_BYTES, Message, QueuedLine, Waiting, log_queue};
use super::{LogSettings, subscriber};
use crate::line_stream::{LineStream, Unwritten};

/// The maximum size of one write, except for a longer line: Linux writes this much to a pipe in one piece (`PIPE_BUF`),
/// so that a line of another program that shares the pipe cannot land within one.
const MAX_GROUP_BYTES: usize = 4_096;

/// How long the thread collects lines after it has written everything, if many arrived together, so that a busy broker
/// need not wake it for each. The line of a single call is written immediately.
const REST: Duration = Duration::from_millis(5);

const MANY_LINES: usize = 8;

/// How often losses are reported if the reader never catches up.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Starts the thread. It is not one of the runtime's, because the runtime's shutdown would wait for a reader that
/// stalls.
pub(super) fn start(stream: impl Write + Send + 'static, settings: LogSettings) -> io::Result<(LogQueue, LogHandle)> {
    let (queue, waiting) = log_queue(settings.format, MAX_QUEUE_BYTES);
    let writer = LogWriter::new(stream, waiting, settings);
    thread::Builder::new().name("log".to_owned()).spawn(move || writer.run())?;
    Ok((queue.clone(), LogHandle::new(queue)))
}

struct LogWriter<W> {
    stream: LineStream<W>,
    waiting: Waiting,
    settings: LogSettings,
    group: Group,
    reported: Losses,
    reported_at: Instant,
    /// Whether the last write succeeded.
    works: bool,
}

/// Lines that are written together.
#[derive(Default)]
struct Group {
    lines: Vec<u8>,
    ends: Vec<usize>,
    room: usize,
}

impl Group {
    fn takes(&self, line: &QueuedLine) -> bool {
        self.lines.is_empty() || self.lines.len() + line.text().len() <= MAX_GROUP_BYTES
    }

    fn add(&mut self, line: &QueuedLine) {
        self.lines.extend_from_slice(line.text());
        self.ends.push(self.lines.len());
        self.room += line.room();
    }

    fn clear(&mut self) {
        self.lines.clear();
        self.ends.clear();
        self.room = 0;
    }
}

/// Counts of lost lines. Shortened ones are in the log, so they are not in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Losses {
    queue_full: u64,
    write_failed: u64,
}

impl<W: Write> LogWriter<W> {
    fn new(stream: W, waiting: Waiting, settings: LogSettings) -> Self {
        Self {
            stream: LineStream::over(stream),
            waiting,
            settings,
            group: Group::default(),
            reported: Losses::default(),
            reported_at: Instant::now(),
            works: true,
        }
    }

    /// Writes until the last queue is dropped.
    fn run(mut self) {
        loop {
            let message = match self.waiting.messages.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Empty) if !self.group.lines.is_empty() => {
                    let are_many = self.group.ends.len() >= MANY_LINES;
                    self.catch_up();
                    if are_many {
                        thread::sleep(REST);
                    }
                    continue;
                }
                Err(TryRecvError::Empty) => match self.waiting.messages.blocking_recv() {
                    Some(message) => message,
                    None => return,
                },
                Err(TryRecvError::Disconnected) => return self.catch_up(),
            };
            self.take(message);
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Line(line) => {
                if !self.group.takes(&line) {
                    self.write();
                    if self.reported_at.elapsed() >= REPORT_INTERVAL {
                        self.report();
                    }
                }
                self.group.add(&line);
            }
            Message::Flush(written) => {
                self.catch_up();
                // The receiver may have given up.
                let _given_up = written.send(());
            }
        }
    }

    /// Writes everything that is queued, and reports losses.
    fn catch_up(&mut self) {
        self.write();
        self.report();
    }

    fn write(&mut self) {
        if self.group.lines.is_empty() {
            return;
        }
        let result = self.stream.append(&self.group.lines);
        self.works = result.is_ok();
        if let Err(Unwritten { written, .. }) = result {
            let lost = self.group.ends.iter().filter(|end| **end > written).count();
            self.waiting.counts.add(LossCause::WriteFailed, lost);
        }
        self.waiting.room.add_permits(self.group.room);
        self.group.clear();
    }

    /// Writes a line with the losses that the log has not reported, if there are any and writing works.
    fn report(&mut self) {
        let counts = &self.waiting.counts;
        let losses =
            Losses { queue_full: counts.lost(LossCause::QueueFull), write_failed: counts.lost(LossCause::WriteFailed) };
        if !self.works || losses == self.reported {
            return;
        }
        let since = Losses {
            queue_full: losses.queue_full - self.reported.queue_full,
            write_failed: losses.write_failed - self.reported.write_failed,
        };
        self.works = self.stream.append(&report_line(since, self.settings)).is_ok();
        if self.works {
            self.reported = losses;
            self.reported_at = Instant::now();
        }
    }
}

/// The line that reports losses, in the usual format, and written at every level.
fn report_line(Losses { queue_full, write_failed }: Losses, settings: LogSettings) -> Vec<u8> {
    let settings = LogSettings { level: settings.level.max(Level::WARN), ..settings };
    let line = Line::default();
    tracing::subscriber::with_default(subscriber(settings, line.clone()), || {
        tracing::warn!(queue_full, write_failed, "writing log lines failed: some are lost");
    });
    line.take()
}

/// Keeps the line that is written into it.
#[derive(Clone, Default)]
struct Line(Arc<Mutex<Vec<u8>>>);

impl Line {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Line {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests;
