//! The log of a process whose standard error does not take it: calls, health, metrics and stops do not wait for it.

mod broker;
mod rejected;

use std::cell::Cell;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use crate::support::{Client, PATIENCE, assert_no_secrets, configured, end_within, eventually, tcp_channel};

use self::broker::{Broker, lost};
use crate::support::events::{LINES_LOST, STOPPING};

/// As many calls as have more lines than the pipe of a stalled reader holds.
const MORE_THAN_A_PIPE: usize = 400;

/// The lines of a log, every one of which is JSON, and none of which has a secret.
fn json_lines(log: &str) -> Vec<Value> {
    assert_no_secrets("the log", log);
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn access_lines(lines: &[Value]) -> usize {
    lines.iter().filter(|line| line["target"] == "access" && line["method"] == "IssueDownloadUrl").count()
}

#[tokio::test]
async fn a_full_disk_under_the_log_costs_lines_and_no_calls() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut broker = Broker::start(Some(full.into()), &[]).await;
    broker.answers(50).await;
    let metrics = broker.metrics_when(|metrics| lost(metrics, "write_failed") >= 50).await;
    assert_eq!(lost(&metrics, "queue_full"), 0);
    broker.stops_well();
}

#[tokio::test]
async fn a_closed_standard_error_costs_no_calls() {
    let mut broker = Broker::start(None, &[]).await;
    broker.answers(50).await;
    broker.stops_well();
}

#[tokio::test]
async fn a_reader_of_the_log_that_has_gone_costs_lines_and_no_calls() {
    let (reader, writer) = io::pipe().unwrap();
    let mut broker = Broker::start(Some(writer.into()), &[]).await;
    broker.answers(1).await;
    drop(reader);
    broker.answers(50).await;
    broker.metrics_when(|metrics| lost(metrics, "write_failed") >= 50).await;
    broker.stops_well();
}

#[tokio::test]
async fn a_reader_of_the_log_that_stalls_stops_neither_calls_nor_the_end() {
    let (_reader, writer) = io::pipe().unwrap();
    let mut broker = Broker::start(Some(writer.into()), &[]).await;
    broker.answers(MORE_THAN_A_PIPE).await;
    broker.stops_well();
}

#[tokio::test]
async fn a_second_signal_ends_a_process_whose_log_stalls() {
    let (_reader, writer) = io::pipe().unwrap();
    let mut broker = Broker::start(Some(writer.into()), &[("ACCESS_BROKER_SERVER__DRAIN_DELAY", "60s")]).await;
    broker.answers(MORE_THAN_A_PIPE).await;
    broker.process.signal("TERM");
    broker.is_draining().await;
    broker.answers(1).await;
    broker.process.signal("TERM");
    assert_eq!(broker.process.exit().code(), Some(143));
}

#[tokio::test]
async fn lines_over_the_queue_are_counted_and_the_log_tells_of_them_when_it_is_read_again() {
    let (mut reader, writer) = io::pipe().unwrap();
    let variables = [("ACCESS_BROKER_LOG__REJECTED_PER_SECOND", "100000"), ("ACCESS_BROKER_LOG__LEVEL", "debug")];
    let mut broker = Broker::start(Some(writer.into()), &variables).await;
    broker.is_refused_until(|metrics| lost(metrics, "queue_full") > 0).await;
    broker.answers(20).await;

    let bytes = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&bytes);
    let reading = thread::spawn(move || {
        let (mut log, mut part) = (Vec::new(), vec![0; 65_536]);
        loop {
            match reader.read(&mut part).unwrap() {
                0 => return String::from_utf8(log).unwrap(),
                read => log.extend_from_slice(&part[..read]),
            }
            counted.store(log.len(), Ordering::Relaxed);
        }
    });
    let before = Cell::new(0);
    eventually("the end of the log", PATIENCE, async || {
        let read = bytes.load(Ordering::Relaxed);
        let is_over = read > 0 && read == before.get();
        before.set(read);
        tokio::time::sleep(Duration::from_millis(300)).await;
        is_over
    })
    .await;
    let metrics = broker.metrics().await;
    broker.stops_well();
    let lines = json_lines(&reading.join().unwrap());
    let reported = lines.iter().filter(|line| LINES_LOST.is(line));
    let reported: u64 = reported.map(|line| line["queue_full"].as_u64().unwrap()).sum();
    assert!(reported >= lost(&metrics, "queue_full"), "{reported}");
    assert_eq!(STOPPING.count(&lines), 1);
}

#[tokio::test]
async fn a_pipe_that_does_not_block_loses_no_line() {
    let (sender, mut receiver) = pipe::pipe().unwrap();
    // The flag belongs to the pipe, so the process gets a pipe that says EAGAIN when it is full.
    let mut broker = Broker::start(Some(sender.into_nonblocking_fd().unwrap().into()), &[]).await;
    broker.answers(MORE_THAN_A_PIPE).await;
    let metrics = broker.metrics().await;
    assert_eq!((lost(&metrics, "queue_full"), lost(&metrics, "write_failed")), (0, 0));

    broker.process.signal("TERM");
    let mut log = String::new();
    receiver.read_to_string(&mut log).await.unwrap();
    assert!(broker.process.exit().success());
    let lines = json_lines(&log);
    assert_eq!(access_lines(&lines), MORE_THAN_A_PIPE);
    assert_eq!(STOPPING.count(&lines), 1);
}

/// The end of a pipe that is full.
async fn full_pipe() -> (pipe::Receiver, Stdio) {
    let (sender, receiver) = pipe::pipe().unwrap();
    sender.writable().await.unwrap();
    let mut written = 0;
    while let Ok(more) = sender.try_write(&[b'x'; 1_024]) {
        written += more;
    }
    // A pipe has at least a page.
    assert!(written >= 4_096, "{written}");
    (receiver, sender.into_blocking_fd().unwrap().into())
}

#[tokio::test]
async fn a_probe_and_a_failed_start_end_although_their_output_stalls() {
    let configured = configured("https://issuer.example", &serde_json::json!({ "keys": [] }));
    for (arguments, code) in [
        (["healthcheck", "--config", "broker.toml"], 1),
        (["healthcheck", "--config", "missing.toml"], 78),
        (["serve", "--config", "missing.toml"], 78),
        // Here the log has started, and the credentials are missing.
        (["serve", "--config", "broker.toml"], 1),
    ] {
        let (_reader, stderr) = full_pipe().await;
        let mut command = Command::new(env!("CARGO_BIN_EXE_access-broker"));
        command.args(arguments).current_dir(configured.path()).env_clear().stdin(Stdio::null()).stderr(stderr);
        let mut child = command.spawn().unwrap();
        drop(command);
        let ended = end_within(PATIENCE, &mut child, || format!("{arguments:?}"));
        assert_eq!(ended.code(), Some(code), "{arguments:?}");
    }
}

/// Calls without a proof are refused, many at a time. Each connection has few of them: the server ends one on which it
/// has reset `limits.max_reset_streams` streams, which is what it does to a call that it refuses before its message comes.
async fn without_proof(address: std::net::SocketAddr, calls: usize) {
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..32 {
        waiting.spawn(async move {
            let client = Client::over(tcp_channel(address).await, &[("x-request-id", &"r".repeat(128))]);
            for _ in 0..calls / 32 {
                let refused = client.download("", "a").await.unwrap_err();
                assert_eq!(refused.code(), tonic::Code::Unauthenticated, "{refused}");
            }
        });
    }
    tokio::time::timeout(PATIENCE, waiting.join_all()).await.expect("calls are refused in time");
}
