//! The broker under test: `access-broker serve` with the issuers and keys of the corpus of tokens.

use std::collections::BTreeSet;

use serde_json::Value;
use tempfile::TempDir;
use tonic::transport::Channel;

use super::data::Corpus;
use super::mint::Mint;
use crate::support::events::{KEYS_REFRESHED, KEYS_REFRESHED_IN_PART, SERVING_ADMIN, SERVING_GRPC};
use crate::support::{AccessLines, Builder, Part, Process, VARIABLES, log_lines, tcp_channel, unix_channel};

/// An object that everybody may read who is known.
pub(super) const OBJECT: (&str, &str) = ("media", "a folder/report.pdf");

pub(super) struct CorpusBroker {
    process: Process,
    /// Of the listeners, as the log has them.
    addresses: Vec<String>,
    lines: AccessLines,
}

impl CorpusBroker {
    /// Starts a broker with the issuers of the corpus and these listeners, and waits until it has the keys.
    pub(super) fn start(corpus: &Corpus, mint: &Mint<'_>, listeners: impl IntoIterator<Item = Part>) -> Self {
        let (folder, issuers) = configure(corpus, mint, listeners);
        let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &VARIABLES);
        let addresses = process.wait_for("keys", |process| {
            let lines = log_lines(process);
            let refreshed = lines.iter().filter(|line| KEYS_REFRESHED.is(line) || KEYS_REFRESHED_IN_PART.is(line));
            let ready: BTreeSet<_> = refreshed.filter_map(|line| line["issuer"].as_str()).collect();
            let all = issuers.iter().all(|issuer| ready.contains(issuer.as_str()));
            let serving = lines.iter().filter(|line| SERVING_GRPC.is(line));
            let addresses = serving.map(|line| line["address"].as_str().unwrap().to_owned());
            (all && lines.iter().any(|line| SERVING_ADMIN.is(line))).then(|| addresses.collect())
        });
        Self { process, addresses, lines: AccessLines::default() }
    }

    /// A channel to the listener with this index.
    pub(super) async fn channel(&self, index: usize) -> Channel {
        let address = &self.addresses[index];
        match address.strip_prefix("unix:") {
            Some(path) => unix_channel(self.process.path(path)).await,
            None => tcp_channel(address.parse().unwrap()).await,
        }
    }

    /// Waits for the line of a call, in the order in which they were made.
    pub(super) fn line(&mut self) -> Value {
        self.lines.next(&mut self.process)
    }

    /// Stops the broker. Its whole log, which had a line for every call that was asked for and no other.
    pub(super) fn stop(mut self) -> String {
        self.process.signal("TERM");
        assert!(self.process.exit().success());
        let log = self.process.stderr();
        assert_eq!(self.lines.next_written(&log), None);
        log
    }
}

/// Writes the configuration. The second value is the issuers that publish keys.
fn configure(
    corpus: &Corpus,
    mint: &Mint<'_>,
    listeners: impl IntoIterator<Item = Part>,
) -> (TempDir, BTreeSet<String>) {
    // At the level `trace`, so that all that could ever be logged is.
    let log = "level = \"trace\"\nrejected_per_second = 100000";
    let builder = Builder::new().table("log", log).audit("output = \"none\"");
    let mut builder = listeners.into_iter().fold(builder, Builder::listener);
    let mut issuers_with_keys = BTreeSet::new();
    for (name, issuer) in &corpus.issuers {
        let file = format!("{name}.jwks.json");
        builder = builder.issuer(Part::default().with(&issuer.settings).set("jwks_file", &*file));
        if let Some(keys) = mint.jwks(name) {
            builder = builder.file(&file, keys);
            issuers_with_keys.insert(issuer.name());
        }
    }
    (builder.write_folder(), issuers_with_keys)
}
