//! What becomes of answers when records cannot be kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use access_broker::contract::proto::IssueDownloadUrlResponse;
use tokio::time::timeout;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::audit::broker::{Broker, FILE, Setup};
use crate::support::events::{RECORDS_FAILED, RECORDS_LATE, RECORDS_LEFT, SERVING_ADMIN};
use crate::support::{PATIENCE, audit_record, audit_records, error_info, eventually, log_lines};

const DENY: &str = "flush_timeout = \"1s\"\non_failure = \"deny\"";
const ALLOW: &str = "flush_timeout = \"1s\"\non_failure = \"allow\"";

/// The answer of a broker that gives none without a record.
fn assert_unavailable(answer: Result<IssueDownloadUrlResponse, Status>) {
    let status = answer.unwrap_err();
    let info = error_info(&status);
    assert_eq!((status.code(), info.reason.as_str()), (Code::Unavailable, "AUDIT_UNAVAILABLE"));
    assert!(info.metadata.contains_key("decisionId"));
    assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
}

/// The first access line, which the log's thread writes a moment after the answer.
async fn access_line(broker: &Broker) -> serde_json::Value {
    let found = || log_lines(&broker.process).into_iter().find(|line| line["target"] == "access");
    eventually("an access line", PATIENCE, async || found().is_some()).await;
    found().unwrap()
}

fn lines_of_failure(broker: &Broker) -> usize {
    log_lines(&broker.process).iter().filter(|line| RECORDS_FAILED.is(line)).count()
}

async fn assert_one_line_of_failure(broker: &Broker) {
    eventually("a line of the failure", PATIENCE, async || lines_of_failure(broker) > 0).await;
    assert_eq!(lines_of_failure(broker), 1);
}

pub(crate) fn full_device() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

#[tokio::test]
async fn a_full_output_denies_every_answer_the_refusals_too() {
    let broker = Setup::new(DENY).await.start_into(full_device()).await;
    for bucket in ["media", "no-such-bucket"] {
        assert_unavailable(broker.client.download(bucket, "a").await);
    }
    let line = access_line(&broker).await;
    assert_eq!((&line["code"], &line["reason"]), (&"UNAVAILABLE".into(), &"audit_unavailable".into()));
    // An outage has one line.
    assert_one_line_of_failure(&broker).await;
    // What was not decided needs no record.
    let malformed = broker.client.download("", "/").await.unwrap_err();
    assert_eq!(malformed.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_full_output_holds_nobody_up_where_answers_need_no_record() {
    let broker = Setup::new(ALLOW).await.start_into(full_device()).await;
    assert!(broker.client.download("media", "a").await.is_ok());
    let refused = broker.client.download("no-such-bucket", "a").await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_one_line_of_failure(&broker).await;
}

/// Calls until the pipe that nobody reads is full, and gives the ids of the decisions that were answered before.
async fn fill_pipe(
    broker: &Broker,
    failed: impl Fn(&Result<IssueDownloadUrlResponse, Status>, Duration) -> bool,
) -> BTreeSet<String> {
    let key = "x".repeat(1_000);
    let mut answered = BTreeSet::new();
    // A pipe holds 64 KiB, and a record has more than one.
    for _ in 0..1_000 {
        let started = Instant::now();
        let answer = broker.client.download("", &key).await;
        let took = started.elapsed();
        assert!(took < Duration::from_secs(5), "{took:?}");
        let full = failed(&answer, took);
        answered.extend(answer.ok().map(|answer| answer.decision_id));
        if full {
            return answered;
        }
    }
    panic!("the pipe is not full");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_nobody_reads_denies_in_time_and_goes_on_when_it_is_read() {
    let mut broker = Setup::new(DENY).await.start_into(Stdio::piped()).await;
    let pipe = broker.process.take_stdout();
    let mut answered = fill_pipe(&broker, |answer, _| answer.is_err()).await;
    assert!(!answered.is_empty());
    assert_unavailable(broker.client.download("", "a").await);

    let reader = thread::spawn(move || BufReader::new(pipe).lines().map(Result::unwrap).collect::<Vec<_>>());
    let again = eventually("an answer", PATIENCE, async || broker.client.download("", "a").await).await;
    answered.insert(again.decision_id);
    broker.stop();
    let records: Vec<_> = reader.join().unwrap().iter().map(|line| audit_record(line)).collect();
    for id in &answered {
        assert_eq!(records.iter().filter(|record| record["decision_id"] == id.as_str()).count(), 1, "{id}");
    }
    assert!(records.len() > answered.len(), "what came too late for its answer is recorded all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_nobody_reads_delays_one_answer_where_they_need_no_record() {
    let mut broker = Setup::new(ALLOW).await.start_into(Stdio::piped()).await;
    let _unread = broker.process.take_stdout();
    fill_pipe(&broker, |answer, took| {
        assert!(answer.is_ok());
        took > Duration::from_millis(900)
    })
    .await;
    let started = Instant::now();
    for _ in 0..20 {
        assert!(broker.client.download("", "a").await.is_ok());
    }
    assert!(started.elapsed() < Duration::from_secs(10), "nobody waits for what is known to hang");
    // Neither does the end.
    broker.stop();
    let lines = log_lines(&broker.process);
    assert_eq!((RECORDS_LATE.count(&lines), RECORDS_LEFT.count(&lines)), (1, 1));
}

/// A broker whose file is larger than its log will be, so that a limit holds for the file alone.
async fn broker_with_large_file(audit: &str) -> Broker {
    let setup = Setup::with_file(audit).await;
    fs::write(setup.folder.path().join(FILE), "{}\n".repeat(300_000)).unwrap();
    setup.start_limited().await
}

/// The counted decisions of each outcome and reason, whatever their tier.
async fn decisions(broker: &Broker) -> BTreeMap<String, u64> {
    let admin = log_lines(&broker.process).into_iter().find(|line| SERVING_ADMIN.is(line)).unwrap();
    let url = format!("http://{}/metrics", admin["address"].as_str().unwrap());
    let metrics = crate::support::http_get(url).await.unwrap().text().await.unwrap();
    let mut counts = BTreeMap::new();
    for sample in metrics.lines().filter_map(|line| line.strip_prefix("access_broker_decisions_total{")) {
        let (labels, count) = sample.rsplit_once("} ").unwrap();
        let outcome = &labels[labels.find("outcome=").unwrap()..];
        *counts.entry(outcome.replace('"', "")).or_default() += count.parse::<u64>().unwrap();
    }
    counts
}

/// How many lines of calls in the log have each outcome.
fn logged_outcomes(broker: &Broker) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in log_lines(&broker.process).iter().filter(|line| line["target"] == "access") {
        if let Some(outcome) = line["outcome"].as_str() {
            assert_eq!(line.get("expires_at").is_some(), outcome == "issued", "{line}");
            *counts.entry(outcome.to_owned()).or_default() += 1;
        }
    }
    counts
}

fn new_records(broker: &Broker) -> Vec<serde_json::Value> {
    audit_records(broker.file().trim_start_matches("{}\n"))
}

#[tokio::test]
async fn a_file_that_cannot_grow_denies_and_is_whole_and_goes_on_when_it_can() {
    let broker = broker_with_large_file(DENY).await;
    let first = broker.client.download("", "a").await.unwrap();
    let length = broker.file().len();
    // Room for a part of a record: it is written, and taken back.
    broker.process.limit_files(Some(length as u64 + 100));
    for _ in 0..3 {
        assert_unavailable(broker.client.download("", "a").await);
        assert_eq!(broker.file().len(), length);
    }
    assert_one_line_of_failure(&broker).await;
    broker.process.limit_files(None);
    let last = broker.client.download("", "a").await.unwrap();
    let ids: Vec<_> = new_records(&broker).iter().map(|record| record["decision_id"].clone()).collect();
    assert_eq!(ids, [first.decision_id, last.decision_id]);
}

#[tokio::test]
async fn only_answers_that_were_given_count_as_issued_in_metrics_and_log() {
    let broker = broker_with_large_file(DENY).await;
    for _ in 0..3 {
        broker.client.download("", "a").await.unwrap();
    }
    assert_eq!(broker.client.download("no-such-bucket", "a").await.unwrap_err().code(), Code::PermissionDenied);
    broker.process.limit_files(Some(broker.file().len() as u64));
    for bucket in ["media", "media", "no-such-bucket"] {
        assert_unavailable(broker.client.download(bucket, "a").await);
    }
    broker.process.limit_files(None);
    broker.client.download("", "a").await.unwrap();
    eventually("a line of every call", PATIENCE, async || logged_outcomes(&broker).values().sum::<u64>() == 8).await;
    let expected = [("issued", "none", 4), ("refused", "no_tier", 1), ("unrecorded", "audit_unavailable", 3)];
    let counted = expected.map(|(outcome, reason, count)| (format!("outcome={outcome},reason={reason}"), count));
    assert_eq!(decisions(&broker).await, counted.into());
    assert_eq!(logged_outcomes(&broker), expected.map(|(outcome, _, count)| (outcome.to_owned(), count)).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_whose_client_leaves_before_it_is_given_does_not_count_as_issued() {
    let mut broker = Setup::new("flush_timeout = \"1m\"").await.start_into(Stdio::piped()).await;
    let _unread = broker.process.take_stdout();
    let key = "x".repeat(1_000);
    let mut answered = 0;
    // The pipe is full after some sixty records, and the next call waits for its record.
    while let Ok(answer) = timeout(Duration::from_secs(3), broker.client.download("", &key)).await {
        answer.unwrap();
        answered += 1;
        assert!(answered < 1_000, "the pipe is not full");
    }
    eventually("the end of the call", PATIENCE, async || logged_outcomes(&broker).contains_key("undelivered")).await;
    let expected = [("issued", answered), ("undelivered", 1)];
    let counted = expected.map(|(outcome, count)| (format!("outcome={outcome},reason=none"), count));
    assert_eq!(decisions(&broker).await, counted.into());
    assert_eq!(logged_outcomes(&broker), expected.map(|(outcome, count)| (outcome.to_owned(), count)).into());
}

#[tokio::test]
async fn a_file_that_cannot_grow_loses_records_and_no_answers_where_they_need_none() {
    let broker = broker_with_large_file(ALLOW).await;
    broker.process.limit_files(Some(broker.file().len() as u64));
    for _ in 0..3 {
        assert!(broker.client.download("", "a").await.is_ok());
    }
    broker.process.limit_files(None);
    let last = broker.client.download("", "a").await.unwrap();
    let records = new_records(&broker);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["decision_id"], last.decision_id.as_str());
}

#[tokio::test]
async fn a_rotation_that_fails_denies_or_loses_as_the_setting_says() {
    for (audit, denies) in [(DENY, true), (ALLOW, false)] {
        let setup = Setup::with_file(&format!("{audit}\nrotate_size = \"64KiB\"")).await;
        let mut full = fs::File::create(setup.folder.path().join(FILE)).unwrap();
        full.write_all("{}\n".repeat(21_845).as_bytes()).unwrap();
        // The next file cannot be made while a folder is in its place.
        let blocked = setup.folder.path().join(format!("{FILE}.next"));
        fs::create_dir(&blocked).unwrap();
        let broker = setup.start_unready().await;
        let answer = broker.client.download("", "a").await;
        if denies {
            assert_unavailable(answer);
        } else {
            assert!(answer.is_ok());
        }
        assert_eq!(new_records(&broker), [] as [serde_json::Value; 0]);
        fs::remove_dir(&blocked).unwrap();
        assert!(broker.client.download("", "a").await.is_ok());
        assert_eq!(new_records(&broker).len(), 1);
    }
}
