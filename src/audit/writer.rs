//! The thread that writes records.

use std::sync::Arc;
use std::{io, thread};

use tokio::sync::{mpsc, oneshot};

use super::failure::AuditFailure;
use super::output::{Output, OutputError};
use super::record::AuditRecord;
use super::status::AuditStatus;
use crate::error_chain::error_chain;

/// The most that is written at once, in records and, but for the last record, in bytes.
const MAX_GROUP_RECORDS: usize = 4_096;
const MAX_GROUP_BYTES: usize = 1_024 * 1_024;

/// A record, and who waits for it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: AuditRecord,
    pub(super) kept: oneshot::Sender<Result<(), AuditFailure>>,
}

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Message {
    Record(Entry),
    /// Write what is left and end.
    Close(oneshot::Sender<()>),
}

/// Starts the thread. It is one of its own and not one of the runtime's, whose end would wait for an output that hangs.
pub(super) fn spawn(output: impl Output, queue: mpsc::Receiver<Message>, status: Arc<AuditStatus>) -> io::Result<()> {
    let writer = Writer { output, queue, status, failing: false, closed: Vec::new() };
    thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run()).map(drop)
}

struct Writer<O> {
    output: O,
    queue: mpsc::Receiver<Message>,
    status: Arc<AuditStatus>,
    /// Whether the last group was not kept.
    failing: bool,
    /// Who waits for the end.
    closed: Vec<oneshot::Sender<()>>,
}

/// Records that are written together.
#[derive(Default)]
struct Group {
    lines: Vec<u8>,
    waiting: Vec<oneshot::Sender<Result<(), AuditFailure>>>,
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
        }
        // Those who wait for the end see their channels close.
        drop(self.closed);
    }

    fn take(&mut self, message: Message, group: &mut Group) {
        match message {
            Message::Record(Entry { record, kept }) => {
                self.status.note_taken();
                group.lines.extend_from_slice(record.as_str().as_bytes());
                group.waiting.push(kept);
            }
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
                let stall_ends = self.status.note_kept(records, bytes, sync);
                if stall_ends || self.failing {
                    tracing::info!("audit records are written again");
                }
                self.failing = false;
                Ok(())
            }
            Err(OutputError { failure, source }) => {
                self.status.note_failed(failure, records);
                // Once, and not for every call of an outage.
                if !self.failing {
                    let error = error_chain(&source);
                    tracing::error!(cause = failure.name(), error, "audit records cannot be written");
                }
                self.failing = true;
                Err(failure)
            }
        };
        group.lines.clear();
        for kept in group.waiting.drain(..) {
            // Who gave up waiting, or whose client left, is not there any more.
            let _nobody_waits = kept.send(result);
        }
    }
}
