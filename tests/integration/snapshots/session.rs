//! One served process, and what it says to a call of every kind.

mod calls;
mod policy;
mod storage;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::LazyLock;
use std::thread;

use tokio::runtime::Builder;
use tonic_types::StatusExt;

use self::calls::Calls;
use self::policy::POLICY;
use super::assert_unchanged;
use super::json_lines::fields;
use super::plain_http;
use super::redaction::redacted;
use super::status_text::{Delay, status_text};
use crate::audit::failures::full_device;
use crate::limits::calls::broker_that_panics;
use crate::serve_process::{listening_on, log_lines, serving_on};
use crate::support::{Client, EVERYBODY_READS, Process, SHARED_REQUEST_ID, audit_records, folder, tcp_channel};
use crate::workloads::tokens::{AUDIENCE, ISSUER, TokenKey};

/// Reasons that no snapshot shows, and why.
const NOT_SHOWN: [(&str, &str); 2] =
    [("UNSPECIFIED", "it is never sent"), ("CROSS_SITE_REQUEST", "only calls over HTTP get it")];

/// Everything that the process answered and wrote.
pub(super) struct Session {
    answers: String,
    refusals: String,
    reasons: BTreeSet<String>,
    pub(super) plain_http: String,
    pub(super) metrics_text: String,
    pub(super) metrics_openmetrics: String,
    access_lines: String,
    audit_records: String,
}

/// The session that the tests share.
pub(super) fn session() -> &'static Session {
    static SESSION: LazyLock<Session> = LazyLock::new(|| {
        // A runtime of its own, because the one of the first test ends with that test.
        let held = thread::spawn(|| Builder::new_multi_thread().enable_all().build().unwrap().block_on(hold()));
        held.join().unwrap()
    });
    &SESSION
}

/// The signing credentials, which are the example of AWS's documentation.
pub(super) const VARIABLES: [(&str, &str); 3] = [
    ("TEST_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("TEST_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

/// A broker with this S3 server, this time for its start, and more sections.
pub(super) fn broker_configuration(s3: &str, startup_wait: &str, more: &str) -> String {
    format!(
        r#"
[server]
admin_addr = "127.0.0.1:0"
drain_delay = "0s"
shutdown_grace = "5s"
startup_wait = "{startup_wait}"

[policy]
file = "policy.toml"

[[issuer]]
issuer = "{ISSUER}"
audiences = ["{AUDIENCE}"]
algorithms = ["ES256"]
jwks_file = "jwks.json"

[[bucket]]
name = "media"
s3_bucket = "acme-media"
region = "eu-west-1"
endpoint = "http://{s3}"
credentials = "test"
conditional_writes = true
checksums = ["sha256"]
unsigned_headers = "refused"

[[credentials]]
name = "test"
access_key_id_env = "TEST_ACCESS_KEY_ID"
secret_access_key_env = "TEST_SECRET_ACCESS_KEY"

[[listener]]
address = "127.0.0.1:0"
proof = "token"

{more}
"#
    )
}

/// The other sections of the session's broker.
const MORE: &str = r#"
[log]
rejected_per_second = 100000

[limits]
max_calls_in_flight = 2

[audit]
output = "file"
file = "audit.jsonl"

# An issuer whose keys cannot be fetched.
[[issuer]]
issuer = "https://silent.example"
audiences = ["broker"]
algorithms = ["ES256"]
jwks_url = "http://127.0.0.1:1/keys"
insecure_loopback = true

# A bucket without credentials.
[[bucket]]
name = "unsigned"
s3_bucket = "acme-unsigned"
region = "eu-west-1"

[[listener]]
address = "127.0.0.1:0"
proof = "mesh-header"
trust_domain = "prod.example"
mesh_header = "x-forwarded-client-cert"
trusted_hop = ["loopback"]

[[listener]]
address = "127.0.0.1:0"
proof = "token+mesh-header"
trust_domain = "prod.example"
mesh_header = "x-forwarded-client-cert"
trusted_hop = ["loopback"]
"#;

async fn hold() -> Session {
    let s3 = storage::start().await;
    let key = TokenKey::generate();
    let folder = folder();
    write_files(folder.path(), &key, &broker_configuration(&s3.to_string(), "2s", MORE), POLICY);
    let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &VARIABLES);
    let (grpc, admin) = serving_without_some_parts(&mut process);
    let mut calls = Calls::new(&grpc, admin, &key).await;
    calls.make_all().await;
    let Calls { answers, mut refusals, mut reasons, ids, .. } = calls;
    let plain_http = plain_http::answers(grpc[0], admin).await;
    let metrics_text = metrics(admin, "text/plain").await;
    let metrics_openmetrics = metrics(admin, "application/openmetrics-text").await;
    process.signal("TERM");
    assert!(process.exit().success());

    for (name, refused) in [("audit-unavailable", without_audit(&key).await), ("panic", from_panic().await)] {
        write!(refusals, "## {name}\n{}\n", status_text(&refused, Delay::Fixed)).unwrap();
        reasons.insert(refused.get_details_error_info().unwrap().reason);
    }
    let (log, records) = (process.stderr(), fs::read_to_string(process.path("audit.jsonl")).unwrap());
    audit_records(&records);
    let with_plain_http = [&ids[..], &plain_http::LOGGED.map(str::to_owned)].concat();
    Session {
        answers,
        refusals,
        reasons,
        plain_http,
        metrics_text,
        metrics_openmetrics,
        access_lines: lines_of(&log, &with_plain_http),
        audit_records: lines_of(&records, &ids),
    }
}

/// The addresses of a broker that serves although an issuer's keys and a bucket's credentials are missing.
fn serving_without_some_parts(process: &mut Process) -> (Vec<SocketAddr>, SocketAddr) {
    for message in ["refreshed keys", "serving, but some parts are unavailable"] {
        process.wait_for(message, |process| {
            log_lines(process).iter().any(|line| line["message"] == message).then_some(())
        });
    }
    listening_on(process)
}

fn write_files(folder: &Path, key: &TokenKey, configuration: &str, policy: &str) {
    for (name, content) in
        [("broker.toml", configuration), ("policy.toml", policy), ("jwks.json", &key.jwks("sig").to_string())]
    {
        fs::write(folder.join(name), content).unwrap();
    }
}

async fn metrics(admin: SocketAddr, accept: &str) -> String {
    let request = reqwest::Client::new().get(format!("http://{admin}/metrics")).header("accept", accept);
    request.send().await.unwrap().text().await.unwrap()
}

/// The answer of a broker that cannot write audit records.
async fn without_audit(key: &TokenKey) -> tonic::Status {
    let folder = folder();
    let configuration = broker_configuration("127.0.0.1:1", "30s", "[audit]\noutput = \"stdout\"");
    write_files(folder.path(), key, &configuration, EVERYBODY_READS);
    let mut process = Process::start_into(full_device(), &["serve", "--config", "broker.toml"], folder, &VARIABLES);
    let (grpc, _) = serving_on(&mut process);
    let authorization = format!("Bearer {}", key.of_person("ada"));
    let client = Client::over(tcp_channel(grpc[0]).await, &[("authorization", &authorization), SHARED_REQUEST_ID]);
    client.download("media", "x").await.unwrap_err()
}

/// The answer of a broker in which every decision panics.
async fn from_panic() -> tonic::Status {
    let broker = broker_that_panics().await;
    let authorization = broker.authorization();
    let channel = tcp_channel(broker.address()).await;
    let client = Client::over(channel, &[("authorization", &authorization), SHARED_REQUEST_ID]);
    client.download("media", "x").await.unwrap_err()
}

/// The lines of these calls, in the order of the calls.
fn lines_of(output: &str, ids: &[String]) -> String {
    let mut text = String::new();
    for id in ids {
        let with_id = format!("\"request_id\":\"{id}\"");
        for line in output.lines().filter(|line| line.contains(&with_id)) {
            write!(text, "## {id}\n{}\n", fields(line)).unwrap();
        }
    }
    text
}

#[test]
fn answers_to_calls_that_succeed_are_as_they_were() {
    assert_unchanged("answers", &redacted(&session().answers));
}

#[test]
fn the_status_of_each_reason_is_as_it_was() {
    assert_unchanged("reasons", &redacted(&session().refusals));
}

#[test]
fn each_reason_of_the_contract_is_shown() {
    let contract = include_str!("../../../proto/accessbroker/v1/access_broker.proto");
    let named: BTreeSet<_> = contract
        .lines()
        .filter_map(|line| line.trim().strip_prefix("ERROR_REASON_")?.split_once(" = "))
        .map(|(name, _)| name)
        .collect();
    assert!(named.len() > 20, "{named:?}");
    let shown = session().reasons.iter().map(String::as_str).chain(NOT_SHOWN.map(|(name, _)| name));
    assert_eq!(named, shown.collect());
}

#[test]
fn access_lines_are_as_they_were() {
    assert_unchanged("access_lines", &session().access_lines);
}

#[test]
fn audit_records_are_as_they_were() {
    assert_unchanged("audit_records", &session().audit_records);
}
