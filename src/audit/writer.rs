//! The thread that writes records.

use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{io, thread};

use tokio::sync::{mpsc, oneshot};

use super::failure::AuditFailure;
use super::output::{Output, OutputError};
use super::record::AuditRecord;
use super::status::AuditStatus;
use access_broker_base::error_chain::error_chain;

/// The limit of one write, in records and bytes. The last record may exceed the bytes.
const MAX_GROUP_RECORDS: usize = 4_096;
const MAX_GROUP_BYTES: usize = 1_024 * 1_024;

/// A record, and the sender that confirms it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: AuditRecord,
    pub(super) queued_at: Instant,
    pub(super) kept: oneshot::Sender<Result<(), AuditFailure>>,
}

/// Messages to the thread.
#[derive(Debug)]
pub(super) enum Message {
    Record(Entry),
    /// Test whether a record could be stored.
    Attempt(oneshot::Sender<()>),
    /// Write what is queued and end.
    Close(oneshot::Sender<()>),
}

/// Starts the thread. It is not one of the runtime's, because the runtime's shutdown would wait for an output that
/// hangs. A record that is written later than `in_time` is too late for its answer.
pub(super) fn spawn(
    output: impl Output,
    queue: mpsc::Receiver<Message>,
    status: Arc<AuditStatus>,
    in_time: Duration,
) -> io::Result<()> {
    let writer = Writer { output, queue, status, in_time, failing: false, closed: Vec::new() };
    thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run()).map(drop)
}

struct Writer<O> {
    output: O,
    queue: mpsc::Receiver<Message>,
    status: Arc<AuditStatus>,
    in_time: Duration,
    /// Whether the last group failed.
    failing: bool,
    /// The sender to use at the end.
    closed: Vec<oneshot::Sender<()>>,
}

/// Records that are written together.
#[derive(Default)]
struct Group {
    lines: Vec<u8>,
    /// When the last record was queued.
    last_queued_at: Option<Instant>,
    waiting: Vec<oneshot::Sender<Result<(), AuditFailure>>>,
    attempts: Vec<oneshot::Sender<()>>,
}

impl Group {
    fn has_room(&self) -> bool {
        self.waiting.len() < MAX_GROUP_RECORDS && self.lines.len() < MAX_GROUP_BYTES
    }
}

impl<O: Output> Writer<O> {
    fn run(mut self) {
        let mut group = Group::default();
        while let Some(first) = self.queue.blocking_recv() {
            self.take(first, &mut group);
            while group.has_room()
                && let Ok(next) = self.queue.try_recv()
            {
                self.take(next, &mut group);
            }
            self.write(&mut group);
            self.attempt(&mut group);
        }
        // Waiting closers see their channels close.
        drop(self.closed);
    }

    fn take(&mut self, message: Message, group: &mut Group) {
        match message {
            Message::Record(Entry { record, queued_at, kept }) => {
                group.last_queued_at = Some(queued_at);
                self.status.note_taken();
                group.lines.extend_from_slice(record.as_str().as_bytes());
                group.waiting.push(kept);
            }
            Message::Attempt(made) => group.attempts.push(made),
            Message::Close(ended) => {
                self.queue.close();
                self.closed.push(ended);
            }
        }
    }

    fn write(&mut self, group: &mut Group) {
        if group.waiting.is_empty() {
            return;
        }
        let (records, bytes) = (group.waiting.len(), group.lines.len());
        let result = match self.output.append(&group.lines) {
            Ok(sync) => {
                // The other records are older. They may have waited for a previous group that hung.
                let in_time = group.last_queued_at.is_none_or(|queued_at| queued_at.elapsed() <= self.in_time);
                let stall_ends = self.status.note_kept(records, bytes, sync, in_time);
                if stall_ends || self.failing {
                    tracing::info!("audit recovered: records are written again");
                }
                self.failing = false;
                Ok(())
            }
            Err(error) => {
                self.status.note_group_failed(error.failure, records);
                self.report(&error);
                Err(error.failure)
            }
        };
        group.lines.clear();
        for kept in group.waiting.drain(..) {
            // The receiver is gone if the call timed out or its client left.
            let _receiver_is_gone = kept.send(result);
        }
    }

    /// Tests the output without a record, if that was requested and is still useful.
    fn attempt(&mut self, group: &mut Group) {
        if group.attempts.is_empty() {
            return;
        }
        if self.status.is_in_doubt() {
            let was_stalled = self.status.is_stalled();
            let started = Instant::now();
            let result = self.output.attempt();
            let succeeded = result.is_ok() && started.elapsed() <= self.in_time;
            self.status.note_attempt(succeeded);
            if let Err(error) = result {
                self.report(&error);
            } else if succeeded && (self.failing || was_stalled) {
                self.failing = false;
                tracing::info!("audit recovered: records can be written again");
            }
        }
        group.attempts.clear();
    }

    /// One message per outage, not one per call.
    fn report(&mut self, OutputError { failure, source }: &OutputError) {
        if !self.failing {
            tracing::error!(
                cause = failure.name(),
                error = error_chain(source),
                "audit unavailable: writing records failed"
            );
        }
        self.failing = true;
    }
}
