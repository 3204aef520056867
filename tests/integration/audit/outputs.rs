//! Where records go, and what stops the start.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::audit::broker::{Broker, FILE, Setup};
use crate::support::{Process, VARIABLES, audit_records, log_lines};

#[tokio::test]
async fn left_out_records_go_to_standard_output_and_nothing_else_does() {
    let mut broker = Setup::new("").await.start().await;
    let answer = broker.client.download("", "a").await.unwrap();
    // The record was there before the answer.
    let records = audit_records(&broker.process.stdout());
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["decision_id"], json!(answer.decision_id));
    broker.stop();
    assert_eq!(audit_records(&broker.process.stdout()), records);
    assert!(log_lines(&broker.process).iter().all(|line| line["event"].is_null()), "records are not in the log");
}

#[tokio::test]
async fn a_file_is_its_owners_alone_and_can_hold_digests_of_keys() {
    let mut broker = Setup::with_file("key = \"sha256\"").await.start().await;
    let answer = broker.client.download("", "abc").await.unwrap();
    assert!(broker.process.stdout().is_empty());
    let text = broker.file();
    let records = audit_records(&text);
    assert_eq!((records.len(), &records[0]["decision_id"]), (1, &json!(answer.decision_id)));
    // FIPS 180-4, the first example.
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(records[0]["key_sha256"], json!(digest));
    assert!(!text.contains("\"key\""));
    let mode = fs::metadata(broker.process.path(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    broker.stop();
}

#[tokio::test]
async fn a_file_that_cannot_be_used_stops_the_start_with_the_settings_name() {
    let setup = Setup::new("output = \"file\"\nfile = \"missing/audit.jsonl\"").await;
    let output = Process::output(&["serve", "--config", "broker.toml"], setup.folder.path(), &VARIABLES);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("audit.file ") && stderr.contains("missing/audit.jsonl failed"), "{stderr}");
}

#[tokio::test]
async fn two_brokers_do_not_write_to_one_file() {
    let broker: Broker = Setup::with_file("").await.start().await;
    let folder = broker.process.path("");
    let output = Process::output(&["serve", "--config", "broker.toml"], &folder, &VARIABLES);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("another process writes to it"), "{stderr}");
    assert!(broker.client.download("", "a").await.is_ok());
}

#[tokio::test]
async fn check_says_where_records_go() {
    for (audit, line) in [
        ("", "audit: standard output; on failure: deny"),
        ("output = \"none\"", "audit: off"),
        (
            "output = \"file\"\nfile = \"/var/lib/access-broker/audit.jsonl\"\non_failure = \"allow\"",
            "audit: /var/lib/access-broker/audit.jsonl, rotated at 100.0 MiB, 10 older files kept; on failure: allow",
        ),
    ] {
        let setup = Setup::new(audit).await;
        let output = Process::output(&["check", "--config", "broker.toml"], setup.folder.path(), &[]);
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(stdout.lines().any(|found| found == line), "{stdout}");
    }
}
