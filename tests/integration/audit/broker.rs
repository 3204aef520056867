//! A broker process whose `[audit]` section a test chooses.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use access_broker_dev::EmbeddedIssuer;
use tempfile::TempDir;

use crate::support::{
    Client, ISSUER, PATIENCE, Process, VARIABLES, authorization, configuring, error_info, eventually, issuer,
    listening_on, serving_at,
};

pub(super) const FILE: &str = "audit.jsonl";

/// The folder of a broker, and the issuer that it trusts.
pub(super) struct Setup {
    pub(super) folder: TempDir,
    pub(super) tokens: Tokens,
}

/// Signs tokens that the broker accepts.
pub(super) struct Tokens(EmbeddedIssuer);

impl Tokens {
    /// Clients with connections of their own.
    pub(super) async fn clients(&self, address: SocketAddr, count: usize) -> Vec<Client> {
        let authorization = self.authorization();
        let mut clients = Vec::new();
        for _ in 0..count {
            clients.push(Client::connect(address, &[&authorization]).await);
        }
        clients
    }

    fn authorization(&self) -> String {
        authorization(&self.0)
    }
}

impl Setup {
    /// With these lines under `[audit]`.
    pub(super) async fn new(audit: &str) -> Self {
        let issuer = issuer().await;
        let folder = configuring(ISSUER, issuer.jwks()).audit(audit).write_folder();
        Self { folder, tokens: Tokens(issuer) }
    }

    /// With a file that is as large as wanted, and more lines under `[audit]`.
    pub(super) async fn with_file(more: &str) -> Self {
        Self::new(&format!("output = \"file\"\nfile = \"{FILE}\"\n{more}")).await
    }

    pub(super) async fn start(self) -> Broker {
        Broker::of(Process::start(&ARGUMENTS, self.folder, &VARIABLES), self.tokens).await
    }

    /// Starts one whose health need not say SERVING, and waits until it can check tokens.
    pub(super) async fn start_unready(self) -> Broker {
        let mut process = Process::start(&ARGUMENTS, self.folder, &VARIABLES);
        let address = listening_on(&mut process).0[0];
        let client = self.tokens.clients(address, 1).await.remove(0);
        let has_keys = async || match client.download("", "a").await {
            Ok(_) => true,
            Err(status) => error_info(&status).reason != "ISSUER_KEYS_UNAVAILABLE",
        };
        eventually("the keys of the issuer", PATIENCE, has_keys).await;
        Broker { process, address, client, tokens: self.tokens }
    }

    pub(super) async fn start_into(self, stdout: Stdio) -> Broker {
        Broker::of(Process::start_into(stdout, &ARGUMENTS, self.folder, &VARIABLES), self.tokens).await
    }

    pub(super) async fn start_limited(self) -> Broker {
        Broker::of(Process::start_limited(&ARGUMENTS, self.folder, &VARIABLES), self.tokens).await
    }
}

const ARGUMENTS: [&str; 3] = ["serve", "--config", "broker.toml"];

/// A running process and a client.
pub(super) struct Broker {
    pub(super) process: Process,
    pub(super) address: SocketAddr,
    pub(super) client: Client,
    pub(super) tokens: Tokens,
}

impl Broker {
    async fn of(mut process: Process, tokens: Tokens) -> Self {
        let address = serving_at(&mut process).parse().unwrap();
        let client = tokens.clients(address, 1).await.remove(0);
        Self { process, address, client, tokens }
    }

    /// What the audit file holds.
    pub(super) fn file(&self) -> String {
        fs::read_to_string(self.process.path(FILE)).unwrap()
    }

    /// Ends it as an operator does.
    pub(super) fn stop(&mut self) {
        self.process.signal("TERM");
        assert!(self.process.exit().success());
    }
}

/// The audit files of a folder, by name, so that those that were put aside come in their order. The current one is the
/// first.
pub(super) fn audit_files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = entries.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path));
    let own = named.filter(|(name, _)| name.starts_with(FILE) && *name != format!("{FILE}.next"));
    own.map(|(name, path)| (name, fs::read_to_string(path).unwrap())).collect()
}
