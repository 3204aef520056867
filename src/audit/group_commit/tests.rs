use std::sync::{Condvar, Mutex};
use std::time::SystemTime;

use super::*;
use crate::audit::output::OutputError;
use crate::audit::record::tests::refused;
use crate::audit::{CallContext, KeyForm};

/// An output that a test opens and closes, and that remembers every group.
#[derive(Debug, Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    open: bool,
    failure: Option<AuditFailure>,
    /// Appends that were begun.
    begun: usize,
    attempts: usize,
    groups: Vec<String>,
}

struct Gated(Arc<Gate>);

impl Output for Gated {
    fn append(&mut self, lines: &[u8]) -> Result<Option<Duration>, OutputError> {
        let mut state = self.0.state.lock().unwrap();
        state.begun += 1;
        self.0.changed.notify_all();
        let mut state = self.0.changed.wait_while(state, |state| !state.open).unwrap();
        if let Some(failure) = state.failure {
            return Err(failure.into_error()(io::ErrorKind::StorageFull.into()));
        }
        state.groups.push(String::from_utf8(lines.to_vec()).unwrap());
        Ok(Some(Duration::from_millis(3)))
    }

    fn attempt(&mut self) -> Result<(), OutputError> {
        let mut state = self.0.state.lock().unwrap();
        state.attempts += 1;
        state.failure.map_or(Ok(()), |failure| Err(failure.into_error()(io::ErrorKind::StorageFull.into())))
    }
}

impl Gate {
    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    /// Waits until the writer holds a group.
    fn wait_for_begun(&self, begun: usize) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |state| state.begun < begun).unwrap());
    }

    fn groups(&self) -> Vec<String> {
        self.state.lock().unwrap().groups.clone()
    }
}

fn sink(queue_length: usize) -> (Arc<GroupCommitSink>, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    (Arc::new(GroupCommitSink::start(Gated(Arc::clone(&gate)), queue_length, LONG).unwrap()), gate)
}

fn record() -> AuditRecord {
    AuditRecord::new(&refused("a", SystemTime::UNIX_EPOCH), &CallContext::default(), KeyForm::Plain).unwrap()
}

const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(50);

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_during_a_sync_is_written_together() {
    let (sink, gate) = sink(100);
    let keep = || {
        let sink = Arc::clone(&sink);
        tokio::spawn(async move { sink.keep(record(), LONG).await })
    };
    let first = keep();
    gate.wait_for_begun(1);
    let others: Vec<_> = (0..20).map(|_| keep()).collect();
    until(|| sink.status().queue_length() == 20).await;
    assert!(!first.is_finished() && others.iter().all(|call| !call.is_finished()), "nothing is kept yet");
    gate.set(|state| state.open = true);
    for call in others.into_iter().chain([first]) {
        assert_eq!(call.await.unwrap(), Ok(()));
    }
    let lengths: Vec<_> = gate.groups().iter().map(|group| group.lines().count()).collect();
    assert_eq!(lengths, [1, 20]);
    let status = sink.status();
    assert_eq!((status.records(), status.groups(), status.queue_length()), (21, 2, 0));
    assert_eq!(status.bytes(), gate.groups().concat().len() as u64);
    assert_eq!(status.last_sync(), Some(Duration::from_millis(3)));
}

#[tokio::test]
async fn an_output_that_hangs_delays_calls_up_to_the_patience_and_keeps_what_it_took() {
    let (sink, gate) = sink(2);
    assert_eq!(sink.keep(record(), SHORT).await, Err(AuditFailure::TimedOut));
    gate.wait_for_begun(1);
    assert!(sink.status().is_stalled());
    // Two fit into the queue, the third does not.
    for failure in [AuditFailure::TimedOut, AuditFailure::TimedOut, AuditFailure::QueueFull] {
        assert_eq!(sink.keep(record(), Duration::ZERO).await, Err(failure));
    }
    let status = sink.status();
    assert_eq!((status.failures(AuditFailure::TimedOut), status.failures(AuditFailure::QueueFull)), (3, 1));
    assert_eq!((status.records(), status.queue_length()), (0, 2));
    gate.set(|state| state.open = true);
    assert_eq!(sink.keep(record(), LONG).await, Ok(()));
    assert!(!status.is_stalled());
    assert_eq!((status.records(), gate.groups().concat().lines().count()), (4, 4));
}

#[tokio::test]
async fn a_failed_group_fails_all_its_calls_and_the_next_is_tried_again() {
    let (sink, gate) = sink(10);
    gate.set(|state| (state.open, state.failure) = (true, Some(AuditFailure::Sync)));
    for _ in 0..2 {
        assert_eq!(sink.keep(record(), LONG).await, Err(AuditFailure::Sync));
    }
    assert_eq!((sink.status().failures(AuditFailure::Sync), sink.status().records()), (2, 0));
    gate.set(|state| state.failure = None);
    assert_eq!(sink.keep(record(), LONG).await, Ok(()));
    assert_eq!((sink.status().failures(AuditFailure::Sync), sink.status().records()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_whose_client_left_is_kept_and_so_is_everything_before_the_end() {
    let (sink, gate) = sink(10);
    let left = tokio::spawn({
        let sink = Arc::clone(&sink);
        async move { sink.keep(record(), LONG).await }
    });
    gate.wait_for_begun(1);
    left.abort();
    assert_eq!(sink.keep(record(), SHORT).await, Err(AuditFailure::TimedOut));
    sink.close(SHORT).await;
    assert_eq!(gate.groups().len(), 0, "still closed");
    gate.set(|state| state.open = true);
    sink.close(LONG).await;
    assert_eq!(gate.groups().concat().lines().count(), 2);
    assert_eq!(sink.keep(record(), LONG).await, Err(AuditFailure::Closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_known_by_an_attempt_and_ends_by_one() {
    let (sink, gate) = sink(8);
    let status = Arc::clone(sink.status());
    gate.set(|state| state.open = true);
    assert!(status.is_refusing(), "nothing was tried");
    assert_eq!(sink.keep(record(), LONG).await, Ok(()));
    assert!(!status.is_refusing() && !status.is_in_doubt());
    gate.set(|state| state.failure = Some(AuditFailure::Write));
    assert_eq!(sink.keep(record(), LONG).await, Err(AuditFailure::Write));
    assert!(!status.is_refusing() && status.is_in_doubt());
    sink.attempt().await;
    assert!(status.is_refusing());
    gate.set(|state| state.failure = None);
    sink.attempt().await;
    assert!(!status.is_refusing() && !status.is_in_doubt());
    // An attempt that is not needed is not made.
    sink.attempt().await;
    assert_eq!(gate.state.lock().unwrap().attempts, 2);
    assert_eq!(gate.groups().len(), 1, "an attempt leaves no record");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_attempt_finds_out_what_there_is_before_the_first_record() {
    for (failure, refuses) in [(None, false), (Some(AuditFailure::Open), true)] {
        let (sink, gate) = sink(8);
        gate.set(|state| state.failure = failure);
        sink.attempt().await;
        assert_eq!(sink.status().is_refusing(), refuses);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_hangs_refuses_until_it_goes_on() {
    let (sink, gate) = sink(8);
    let status = Arc::clone(sink.status());
    assert_eq!(sink.keep(record(), SHORT).await, Err(AuditFailure::TimedOut));
    assert!(status.is_refusing() && status.unwritten() == 1);
    gate.set(|state| state.open = true);
    // It is answered when the writer is done with the group.
    sink.attempt().await;
    assert!(!status.is_refusing() && status.unwritten() == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_kept_too_late_for_their_answers_end_no_outage() {
    let gate = Arc::new(Gate::default());
    // Every record is too late.
    let sink = GroupCommitSink::start(Gated(Arc::clone(&gate)), 8, Duration::ZERO).unwrap();
    let status = Arc::clone(sink.status());
    assert_eq!(sink.keep(record(), SHORT).await, Err(AuditFailure::TimedOut));
    gate.set(|state| state.open = true);
    until(|| status.records() == 1).await;
    sink.attempt().await;
    assert!(status.is_refusing(), "the attempt took too long as well");
    assert_eq!(sink.keep(record(), LONG).await, Ok(()));
    assert!(status.is_refusing());
}
