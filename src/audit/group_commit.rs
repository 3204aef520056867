//! The sink that writes the records of many calls at once.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::failure::AuditFailure;
use super::output::{AuditFile, Output, StandardOutput};
use super::record::AuditRecord;
use super::sink::AuditSink;
use super::status::AuditStatus;
use super::writer::{self, Entry, Message};

/// The limit of queued records. They take 3 MiB as a rule, and 40 MiB with the longest keys and terms.
const QUEUE_LENGTH: usize = 4_096;

/// Hands records to one thread, which writes and syncs everything that arrived during the previous write. The more
/// calls run, the smaller the cost of a sync for each.
#[derive(Debug)]
pub(crate) struct GroupCommitSink {
    messages: mpsc::Sender<Message>,
    status: Arc<AuditStatus>,
}

impl GroupCommitSink {
    /// Writes to a file, and syncs it after each group. A record that is written later than `in_time` is too late for
    /// its answer, and does not prove that the output works.
    ///
    /// # Errors
    ///
    /// When the thread cannot be started.
    pub(crate) fn to_file(file: AuditFile, in_time: Duration) -> io::Result<Self> {
        Self::start(file, QUEUE_LENGTH, in_time)
    }

    /// Writes to the standard output of the process, which is not synced; `in_time` is as in [`to_file`](Self::to_file).
    ///
    /// # Errors
    ///
    /// When the process has no standard output, or the thread cannot be started.
    pub(crate) fn to_stdout(in_time: Duration) -> io::Result<Self> {
        Self::start(StandardOutput::open()?, QUEUE_LENGTH, in_time)
    }

    pub(super) fn start(output: impl Output, queue_length: usize, in_time: Duration) -> io::Result<Self> {
        let status = Arc::new(AuditStatus::default());
        let (messages, queue) = mpsc::channel(queue_length);
        writer::spawn(output, queue, Arc::clone(&status), in_time)?;
        Ok(Self { messages, status })
    }
}

#[async_trait]
impl AuditSink for GroupCommitSink {
    async fn keep(&self, record: AuditRecord, patience: Duration) -> Result<(), AuditFailure> {
        let (kept, confirmation) = oneshot::channel();
        let mut overdue = AuditFailure::QueueFull;
        let handing_over = async {
            let message = Message::Record(Entry { record, queued_at: Instant::now(), kept });
            self.messages.send(message).await.map_err(|_| AuditFailure::Closed)?;
            self.status.note_queued();
            overdue = AuditFailure::TimedOut;
            // The writer confirms every record that it receives, unless it has ended.
            confirmation.await.unwrap_or(Err(AuditFailure::Closed))
        };
        let result = timeout(patience, handing_over).await;
        let failure = match result {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failure)) => failure,
            Err(_) => overdue,
        };
        match failure {
            AuditFailure::QueueFull | AuditFailure::TimedOut => {
                self.status.note_failed(failure, 1);
                if self.status.note_stalled() {
                    tracing::error!(cause = failure.name(), "audit unavailable: writing records timed out");
                }
            }
            AuditFailure::Closed => self.status.note_failed(failure, 1),
            // The writer counts these.
            AuditFailure::Open | AuditFailure::Rotate | AuditFailure::Write | AuditFailure::Sync => {}
        }
        Err(failure)
    }

    async fn attempt(&self) {
        let (made, attempt) = oneshot::channel();
        // If the queue is full, its records show whether the output works.
        if self.messages.try_send(Message::Attempt(made)).is_ok() {
            let _made_or_ended = attempt.await;
        }
    }

    fn status(&self) -> &Arc<AuditStatus> {
        &self.status
    }

    async fn close(&self, patience: Duration) {
        let (ended, end) = oneshot::channel();
        let closing = async {
            if self.messages.send(Message::Close(ended)).await.is_ok() {
                let _ended_either_way = end.await;
            }
        };
        if timeout(patience, closing).await.is_err() {
            let left = self.status.unwritten();
            tracing::error!(left, "audit records lost: writing them before the exit timed out");
        }
    }
}

#[cfg(test)]
mod tests;
