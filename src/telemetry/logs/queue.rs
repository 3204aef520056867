//! The queue of log lines.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;

use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing_subscriber::fmt::MakeWriter;

use super::LogFormat;
use super::loss::{LogCounts, LossCause};
use super::shorten::shorten;

/// The maximum bytes of all queued lines.
pub(super) const MAX_QUEUE_BYTES: usize = 4 * 1024 * 1024;

/// The maximum length of a line with its end.
pub(super) const MAX_LINE_BYTES: usize = 16 * 1024;

/// What a line takes in addition to its bytes: its slot in the channel and the allocator's overhead.
const LINE_OVERHEAD_BYTES: usize = 64;

/// Messages to the thread of the log.
#[derive(Debug)]
pub(super) enum Message {
    Line(QueuedLine),
    /// Answer when everything before this is written.
    Flush(mpsc::Sender<()>),
}

/// A line and its room in the queue.
#[derive(Debug)]
pub(super) struct QueuedLine {
    text: Box<[u8]>,
    room: u32,
}

impl QueuedLine {
    pub(super) const fn text(&self) -> &[u8] {
        &self.text
    }

    /// The room to free when it was written.
    pub(super) const fn room(&self) -> usize {
        self.room as usize
    }
}

/// Queues lines without ever waiting. Clones share everything.
#[derive(Debug, Clone)]
pub(super) struct LogQueue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    format: LogFormat,
    messages: UnboundedSender<Message>,
    /// A permit for each byte that may still be queued.
    room: Arc<Semaphore>,
    counts: Arc<LogCounts>,
}

/// The receiving end, in the thread of the log.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) messages: UnboundedReceiver<Message>,
    pub(super) room: Arc<Semaphore>,
    pub(super) counts: Arc<LogCounts>,
}

/// A queue for this many bytes.
pub(super) fn log_queue(format: LogFormat, max_bytes: usize) -> (LogQueue, Waiting) {
    let (sender, messages) = unbounded_channel();
    let (room, counts) = (Arc::new(Semaphore::new(max_bytes)), Arc::new(LogCounts::default()));
    let shared = Shared { format, messages: sender, room: Arc::clone(&room), counts: Arc::clone(&counts) };
    (LogQueue(Arc::new(shared)), Waiting { messages, room, counts })
}

impl LogQueue {
    pub(super) fn counts(&self) -> &Arc<LogCounts> {
        &self.0.counts
    }

    /// Queues a line that ends with a line feed, or counts it as lost.
    pub(super) fn push(&self, line: &[u8]) {
        let Shared { format, messages, room, counts } = &*self.0;
        let text: Box<[u8]> = if line.len() <= MAX_LINE_BYTES {
            line.into()
        } else {
            counts.add(LossCause::TooLong, 1);
            shorten(*format, line, MAX_LINE_BYTES).into()
        };
        let bytes = u32::try_from(text.len() + LINE_OVERHEAD_BYTES).unwrap_or(u32::MAX);
        let Ok(permits) = room.try_acquire_many(bytes) else {
            counts.add(LossCause::QueueFull, 1);
            return;
        };
        // The thread gives them back.
        permits.forget();
        if messages.send(Message::Line(QueuedLine { text, room: bytes })).is_err() {
            counts.add(LossCause::WriteFailed, 1);
        }
    }

    /// Makes the thread answer when everything so far is written. False if the thread has ended.
    pub(super) fn ask_for_flush(&self, written: mpsc::Sender<()>) -> bool {
        self.0.messages.send(Message::Flush(written)).is_ok()
    }
}

/// One write is one line, as `tracing_subscriber` does it. It never fails: the subscriber would print the error to
/// standard error itself, and wait there.
impl io::Write for &LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for LogQueue {
    type Writer = &'w Self;

    fn make_writer(&'w self) -> Self::Writer {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(waiting: &mut Waiting) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        while let Ok(Message::Line(line)) = waiting.messages.try_recv() {
            lines.push(line.text().to_vec());
            waiting.room.add_permits(line.room());
        }
        lines
    }

    #[test]
    fn lines_over_the_bytes_of_the_queue_are_lost_and_counted() {
        let (queue, mut waiting) = log_queue(LogFormat::Text, 3 * (100 + LINE_OVERHEAD_BYTES) - 1);
        let line = [b'a'; 100];
        for _ in 0..5 {
            queue.push(&line);
        }
        assert_eq!(waiting.counts.lost(LossCause::QueueFull), 3);
        assert_eq!(lines(&mut waiting).len(), 2);
        // A written line makes room.
        queue.push(&line);
        queue.push(&line);
        assert_eq!(waiting.counts.lost(LossCause::QueueFull), 3);
        assert_eq!(lines(&mut waiting).len(), 2);
    }

    #[test]
    fn a_line_of_the_longest_length_is_left_alone_and_a_longer_one_is_cut_and_counted() {
        let (queue, mut waiting) = log_queue(LogFormat::Text, MAX_QUEUE_BYTES);
        let mut longest = vec![b'a'; MAX_LINE_BYTES - 1];
        longest.push(b'\n');
        queue.push(&longest);
        assert_eq!(waiting.counts.lost(LossCause::TooLong), 0);
        let longer = [b"a", longest.as_slice()].concat();
        queue.push(&longer);
        assert_eq!(waiting.counts.lost(LossCause::TooLong), 1);
        let lines = lines(&mut waiting);
        assert_eq!(lines[0], longest);
        assert!(lines[1].len() <= MAX_LINE_BYTES && lines[1].ends_with(b"\n"));
    }

    #[test]
    fn lines_after_the_end_of_the_thread_are_counted() {
        let (queue, waiting) = log_queue(LogFormat::Text, MAX_QUEUE_BYTES);
        drop(waiting);
        queue.push(b"late\n");
        assert_eq!(queue.counts().lost(LossCause::WriteFailed), 1);
        let (written, _answer) = mpsc::channel();
        assert!(!queue.ask_for_flush(written));
    }
}
