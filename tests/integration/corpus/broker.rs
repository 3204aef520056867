//! The broker under test: `access-broker serve` with the issuers and keys of the corpus.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use access_broker::grpc::proto::IssueDownloadUrlResponse;
use serde_json::Value;
use tempfile::TempDir;
use tonic::Status;

use super::data::Corpus;
use super::mint::{Metadata, Mint};
use crate::serve_process::log_lines;
use crate::support::{AccessLines, Client, Process, folder};

/// At the level `trace`, so that all that could ever be logged is.
const CONFIGURATION: &str = r#"
[server]
grpc_addr = "127.0.0.1:0"
admin_addr = "127.0.0.1:0"
[log]
level = "trace"
[policy]
file = "policy.toml"
[[bucket]]
name = "media"
s3_bucket = "acme-media"
region = "eu-west-1"
credentials = "test"
[[credentials]]
name = "test"
access_key_id_env = "TEST_ACCESS_KEY_ID"
secret_access_key_env = "TEST_SECRET_ACCESS_KEY"
"#;

const VARIABLES: [(&str, &str); 2] =
    [("TEST_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("TEST_SECRET_ACCESS_KEY", "secret-access-key-of-the-corpus")];

/// Whoever is known may read everything: what is refused, is refused for the proof.
const POLICY: &str = r#"
tier = [{ name = "all", bucket = "media", prefix = "", download = {} }]
grant = [{ tiers = ["all"], operations = ["download"], to = { authenticated = true } }]
"#;

pub(super) struct CorpusBroker {
    process: Process,
    client: Client,
    lines: AccessLines,
}

impl CorpusBroker {
    /// Starts the broker in a folder with its configuration, and waits until it has the keys of these issuers.
    async fn start_in(folder: TempDir, issuers: &BTreeSet<String>) -> Self {
        let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &VARIABLES);
        let address = process.wait_for("keys", |process| {
            let lines = log_lines(process);
            let refreshed = lines.iter().filter(|line| line["message"].as_str().is_some_and(is_refresh));
            let ready: BTreeSet<_> = refreshed.filter_map(|line| line["issuer"].as_str()).collect();
            let all = issuers.iter().all(|issuer| ready.contains(issuer.as_str()));
            let serving = lines.iter().find(|line| line["message"] == "serving gRPC")?;
            all.then(|| serving["address"].as_str().unwrap().parse().unwrap())
        });
        Self { process, client: Client::connect(address, &[]).await, lines: AccessLines::default() }
    }

    /// Starts a broker with the issuers of the corpus.
    pub(super) async fn start(corpus: &Corpus, mint: &Mint<'_>) -> Self {
        let folder = folder();
        let issuers = configure(folder.path(), corpus, mint);
        Self::start_in(folder, &issuers).await
    }

    /// Makes one call, and waits for its line in the log.
    pub(super) async fn call(&mut self, metadata: &Metadata) -> (Result<IssueDownloadUrlResponse, Status>, Value) {
        let metadata = metadata.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let result = self.client.with_metadata(metadata).download("media", "a folder/report.pdf").await;
        (result, self.lines.next(&mut self.process))
    }

    /// Stops the broker. Its whole log, which had a line for every call and no other.
    pub(super) fn stop(mut self) -> String {
        self.process.signal("TERM");
        assert!(self.process.exit().success());
        let log = self.process.stderr();
        assert_eq!(self.lines.next_written(&log), None);
        log
    }
}

/// Writes the configuration, and returns the issuers that publish keys.
fn configure(folder: &Path, corpus: &Corpus, mint: &Mint<'_>) -> BTreeSet<String> {
    let write = |name: &str, content: &str| fs::write(folder.join(name), content).unwrap();
    let mut configuration = CONFIGURATION.to_owned();
    let mut issuers_with_keys = BTreeSet::new();
    for (name, issuer) in &corpus.issuers {
        let file = format!("{name}.jwks.json");
        writeln!(configuration, "[[issuer]]\n{}jwks_file = \"{file}\"", issuer.settings).unwrap();
        if let Some(keys) = mint.jwks(name) {
            write(&file, &keys);
            issuers_with_keys.insert(issuer.name());
        }
    }
    write("broker.toml", &configuration);
    write("policy.toml", POLICY);
    issuers_with_keys
}

fn is_refresh(message: &str) -> bool {
    message.starts_with("refreshed keys")
}
