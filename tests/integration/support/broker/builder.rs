//! The configuration of a broker, setting by setting.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use access_broker::config::Config;
use access_broker::server::StartOptions;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::part::{self, Part};
use super::running::{Broker, MovableClock, start_options};
use super::setup::{self, Setup};
use crate::support::{EVERYBODY_READS, Program, VARIABLES, folder, replace};

type Change = Box<dyn FnOnce(&mut Config)>;

/// Builds a broker. By default it has one plain listener for tokens, one bucket at AWS that every caller may read, and
/// audit records in `audit.jsonl`.
pub(crate) struct Builder {
    tables: BTreeMap<String, Part>,
    listeners: Vec<Part>,
    issuers: Vec<Part>,
    buckets: Vec<Part>,
    credentials: Vec<Part>,
    /// `None` where the test has written it.
    policy: Option<String>,
    files: Vec<(String, Vec<u8>)>,
    variables: Vec<(String, String)>,
    has_silent_s3: bool,
    options: StartOptions,
    clock: Arc<MovableClock>,
    change: Change,
}

impl Builder {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(MovableClock::default());
        let builder = Self {
            tables: BTreeMap::new(),
            listeners: Vec::new(),
            issuers: Vec::new(),
            buckets: vec![part::bucket()],
            credentials: vec![part::credentials()],
            policy: Some(EVERYBODY_READS.to_owned()),
            files: Vec::new(),
            variables: VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            has_silent_s3: false,
            options: start_options(&clock),
            clock,
            change: Box::new(|_| ()),
        };
        builder
            .table("server", "admin_addr = \"127.0.0.1:0\"\ndrain_delay = \"0s\"\nshutdown_grace = \"5s\"")
            .table("audit", "output = \"file\"\nfile = \"audit.jsonl\"")
            .table("policy", "file = \"policy.toml\"")
    }

    /// A setting of a table that a configuration has once.
    pub(crate) fn setting(mut self, table: &str, name: &str, value: impl Into<Value>) -> Self {
        let part = self.tables.remove(table).unwrap_or_default();
        self.tables.insert(table.to_owned(), part.set(name, value));
        self
    }

    /// Settings of such a table, a line each.
    pub(crate) fn table(mut self, table: &str, settings: &str) -> Self {
        let part = self.tables.remove(table).unwrap_or_default();
        self.tables.insert(table.to_owned(), part.with(settings));
        self
    }

    /// Leaves a table out.
    pub(crate) fn without(mut self, table: &str) -> Self {
        self.tables.remove(table);
        self
    }

    /// Lines of `[limits]`.
    pub(crate) fn limits(self, settings: &str) -> Self {
        self.table("limits", settings)
    }

    /// Lines of `[audit]`, in the place of the default ones.
    pub(crate) fn audit(self, settings: &str) -> Self {
        self.without("audit").table("audit", settings)
    }

    /// Adds a listener.
    pub(crate) fn listener(mut self, listener: Part) -> Self {
        self.listeners.push(listener);
        self
    }

    /// Adds an issuer. The first one replaces the default ones.
    pub(crate) fn issuer(mut self, issuer: Part) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Another bucket than the default one.
    pub(crate) fn bucket(mut self, bucket: Part) -> Self {
        self.buckets = vec![bucket];
        self
    }

    /// Adds a bucket.
    pub(crate) fn another_bucket(mut self, bucket: Part) -> Self {
        self.buckets.push(bucket);
        self
    }

    /// Other credentials than the default ones.
    pub(crate) fn credentials(mut self, credentials: impl IntoIterator<Item = Part>) -> Self {
        self.credentials = credentials.into_iter().collect();
        self
    }

    /// Lets the bucket be at a server that accepts connections and never answers.
    pub(crate) const fn silent_s3(mut self) -> Self {
        self.has_silent_s3 = true;
        self
    }

    pub(crate) fn policy(mut self, policy: &str) -> Self {
        self.policy = Some(policy.to_owned());
        self
    }

    /// Leaves the policy file to the test.
    pub(crate) fn without_policy(mut self) -> Self {
        self.policy = None;
        self
    }

    /// A file of the broker's directory.
    pub(crate) fn file(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_owned(), content.into()));
        self
    }

    /// A variable of the program's environment.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Changes what a broker inside the test starts with.
    pub(crate) fn options(mut self, change: impl FnOnce(&mut StartOptions)) -> Self {
        change(&mut self.options);
        self
    }

    /// Changes the configuration of a broker inside the test after it was read.
    pub(crate) fn config(mut self, change: impl FnOnce(&mut Config) + 'static) -> Self {
        self.change = Box::new(change);
        self
    }

    /// The text of `broker.toml`.
    fn render(&self) -> String {
        let mut text = String::new();
        let issuers = if self.issuers.is_empty() { part::default_issuers() } else { self.issuers.clone() };
        for (name, table) in &self.tables {
            let table = match &**name {
                // The listener of brokers that name none.
                "server" if self.listeners.is_empty() => table.clone().set("grpc_addr", "127.0.0.1:0"),
                _ => table.clone(),
            };
            table.render(&format!("[{name}]"), &mut text);
        }
        for (header, parts) in [
            ("[[listener]]", &self.listeners),
            ("[[issuer]]", &issuers),
            ("[[bucket]]", &self.buckets),
            ("[[credentials]]", &self.credentials),
        ] {
            for part in parts {
                part.render(header, &mut text);
            }
        }
        text
    }

    /// Writes the files of the broker, with keys and certificates of their own.
    pub(crate) fn write(self) -> Setup {
        self.write_into(folder())
    }

    /// The same in a directory that has other files.
    pub(crate) fn write_into(self, folder: TempDir) -> Setup {
        let setup = Setup::new(folder);
        self.write_files(setup.folder.path());
        setup
    }

    /// Writes the files without keys and certificates.
    pub(crate) fn write_files(&self, folder: &Path) {
        let broker = self.render();
        let broker = [("broker.toml", broker.as_bytes())];
        let policy = self.policy.iter().map(|policy| ("policy.toml", policy.as_bytes()));
        let files = self.files.iter().map(|(name, content)| (&**name, &**content));
        for (name, content) in broker.into_iter().chain(policy).chain(files) {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            replace(&path, content);
            setup::age(&path);
        }
    }

    /// The directory alone.
    pub(crate) fn write_folder(self) -> TempDir {
        self.write().folder
    }

    /// Starts the broker inside the test, and waits until it is ready.
    pub(crate) async fn start(mut self) -> Broker {
        let silent_s3 = self.add_silent_s3().await;
        let setup = Setup::new(folder());
        self.write_files(setup.folder.path());
        let mut config = setup.config();
        (self.change)(&mut config);
        Broker::start_with(setup, config, self.options, self.clock, silent_s3).await
    }

    /// Starts the program, and waits until it serves.
    pub(crate) async fn start_program(mut self) -> Program {
        let silent_s3 = self.add_silent_s3().await;
        let variables = std::mem::take(&mut self.variables);
        Program::start(self.write(), &variables, silent_s3)
    }

    async fn add_silent_s3(&mut self) -> Option<TcpListener> {
        if !self.has_silent_s3 {
            return None;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let buckets = self.buckets.drain(..).collect::<Vec<_>>().into_iter();
        self.buckets = buckets.map(|bucket| bucket.set("endpoint", &*endpoint)).collect();
        Some(listener)
    }
}
