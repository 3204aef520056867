//! Access lines of rejected proofs.

use std::io::{self, Read};
use std::thread;

use super::broker::{Broker, sample};
use super::{access_lines, json_lines, without_proof};

const LEFT_OUT: &str = "access_broker_access_lines_left_out_total";
const REJECTED: &str = "access_broker_authentication_rejections_total{reason=\"missing_token\"}";

const CALLS: usize = 320;

/// Rejected calls, then decided ones: the metrics, and the access lines of the two and the warnings.
async fn lines_with(per_second: &str) -> (String, usize, usize, usize) {
    let (mut reader, writer) = io::pipe().unwrap();
    let reading = thread::spawn(move || {
        let mut log = String::new();
        reader.read_to_string(&mut log).unwrap();
        log
    });
    let variables = [("ACCESS_BROKER_LOG__REJECTED_PER_SECOND", per_second)];
    let mut broker = Broker::start(Some(writer.into()), &variables).await;
    without_proof(broker.grpc, CALLS).await;
    broker.answers(50).await;
    let metrics = broker.metrics_when(|metrics| sample(metrics, REJECTED) == CALLS as u64).await;
    broker.stops_well();
    let lines = json_lines(&reading.join().unwrap());
    let is_rejected = |line: &&serde_json::Value| line["reason"] == "missing_token";
    let rejected = lines.iter().filter(is_rejected).count();
    for line in lines.iter().filter(|line| line["target"] == "access") {
        let from = line["peer"].as_str().map(|peer| peer.starts_with("127.0.0.1:"));
        assert_eq!(from, is_rejected(&line).then_some(true), "where no caller is proven, the peer is named: {line}");
    }
    let warnings = lines.iter().filter(|line| line["level"] == "WARN" && line["left_out"].is_u64()).count();
    (metrics, rejected, access_lines(&lines) - rejected, warnings)
}

#[tokio::test]
async fn lines_of_rejected_proofs_over_the_limit_are_left_out_and_counted() {
    let (metrics, rejected, decided, warnings) = lines_with("1").await;
    let left_out = sample(&metrics, LEFT_OUT);
    assert!(rejected >= 1 && left_out >= 1, "{rejected}, {left_out}");
    assert_eq!(rejected as u64 + left_out, CALLS as u64);
    assert_eq!(decided, 50, "a decision always has its line");
    assert!(warnings >= 1);
}

#[tokio::test]
async fn without_lines_of_rejected_proofs_the_calls_still_count() {
    let (metrics, rejected, decided, warnings) = lines_with("0").await;
    assert_eq!((rejected, decided, warnings), (0, 50, 0));
    assert_eq!(sample(&metrics, LEFT_OUT), CALLS as u64);
}
