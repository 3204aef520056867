//! The schema itself. Every record of every test is held against it: see `support/audit_records.rs`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{audit_record, schema_problems};

fn refusal() -> Value {
    json!({
        "version": 1,
        "time": "2026-01-31T12:00:00.123456Z",
        "decision_id": "01a20bbb-5a22-7659-8455-0db70624fcc8",
        "event": "refused",
        "reason": "not_granted",
        "method": "IssueDownloadUrl",
        "operation": "download",
        "caller": { "caller_id": "4f0c2b7d8e915a6c3d20f1b7a8e4c596", "issuer": "https://a.example", "subject": "b" },
        "peer": { "address": "127.0.0.1:5" },
        "bucket": "media",
        "key": "a",
    })
}

/// Puts a value at a path.
fn with(pointer: &str, value: Value) -> Value {
    let mut record = refusal();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    record.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(name.to_owned(), value);
    record
}

fn without(pointer: &str) -> Value {
    let mut record = refusal();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    record.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
    record
}

#[test]
fn a_record_fits_and_so_do_the_optional_fields() {
    for record in [
        refusal(),
        with("/trace_id", json!("4bf92f3577b34da6a3ce929d0e0e4736")),
        with("/request_id", json!("r-1")),
        with("/peer", json!({ "uid": 1000 })),
        with("/caller/subject_claim", json!("/user/id")),
        with("/caller", json!({ "caller_id": "4f0c2b7d8e915a6c3d20f1b7a8e4c596", "workload": "spiffe://a/b" })),
        without("/peer"),
    ] {
        assert_eq!(schema_problems(&record), [] as [String; 0]);
    }
}

#[test]
fn what_is_not_a_record_does_not_fit() {
    for record in [
        with("/url", json!("https://example.com")),
        with("/caller/groups", json!([])),
        with("/caller/subject_claim", json!("")),
        with("/peer/port", json!(1)),
        with("/version", json!(2)),
        with("/event", json!("granted")),
        with("/method", json!("VerifyDownload")),
        with("/operation", json!("upload")),
        with("/key_sha256", json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")),
        with("/expires_at", json!("2026-01-31T12:00:00Z")),
        with("/as_expected", json!(true)),
        with("/terms", json!({})),
        with("/time", json!("2026-01-31T12:00:00Z")),
        with("/decision_id", json!("x")),
        with("/peer", json!({})),
        with("/event", json!("download_url_issued")),
        without("/reason"),
        without("/key"),
        without("/caller"),
        without("/caller/subject"),
        without("/version"),
    ] {
        assert_ne!(schema_problems(&record), [] as [String; 0], "{record}");
    }
}

const DOCUMENT: &str = include_str!("../../../docs/AUDIT.md");
const SCHEMA: &str = include_str!("../../../docs/audit-record.schema.json");

/// What stands in backticks in the first column of the tables whose first column has this title.
fn first_columns(title: &str) -> Vec<BTreeSet<String>> {
    let mut tables: Vec<BTreeSet<String>> = Vec::new();
    let mut inside = false;
    for line in DOCUMENT.lines() {
        let first = line.strip_prefix("| ").and_then(|row| row.split(" |").next());
        match first {
            None => inside = inside && line.starts_with("|---"),
            Some(cell) if !inside && cell == title => {
                inside = true;
                tables.push(BTreeSet::new());
            }
            Some(cell) if inside => {
                let names = cell.split('`').skip(1).step_by(2).map(str::to_owned);
                tables.last_mut().unwrap().extend(names);
            }
            Some(_) => {}
        }
    }
    tables
}

fn names(fields: &Value) -> BTreeSet<String> {
    fields.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_document_lists_every_field_and_every_event_of_the_schema() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut fields = names(&schema["properties"]);
    for part in ["caller", "peer"] {
        fields.extend(names(&schema["$defs"][part]["properties"]).iter().map(|name| format!("{part}.{name}")));
    }
    assert_eq!(first_columns("field"), [fields, names(&schema["$defs"]["terms"]["properties"])]);
    let events = schema["properties"]["event"]["enum"].as_array().unwrap();
    let events: BTreeSet<_> = events.iter().map(|event| event.as_str().unwrap().to_owned()).collect();
    assert_eq!(first_columns("event"), std::slice::from_ref(&events));

    let examples: Vec<_> = DOCUMENT.split("```json\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    let shown: BTreeSet<_> =
        examples.iter().map(|line| audit_record(line)["event"].as_str().unwrap().to_owned()).collect();
    assert_eq!(shown, events, "an example of each event");
}
