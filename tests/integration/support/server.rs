//! A broker with the embedded S3 and the embedded issuer, inside this process.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use access_broker::config::Config;
use access_broker::dev::environment::{Environment, EnvironmentOptions};
use access_broker::server::{RunningServer, StartOptions};
use access_broker::telemetry::Traces;
use tempfile::TempDir;

use super::client::Client;
use super::{audit_records, end_line, secrets};

/// Loads the policy and starts a server with it, as `access-broker serve` does.
pub(crate) async fn start_server(config: Config, options: StartOptions) -> anyhow::Result<RunningServer> {
    let loading = config.clone();
    let policy = tokio::task::spawn_blocking(move || loading.load_policy()).await??;
    RunningServer::start(config, policy, options).await
}

/// A running environment. A test ends with [`TestServer::finish`].
#[must_use = "`finish` checks the log and the audit records"]
pub(crate) struct TestServer {
    environment: Option<Environment>,
    data_dir: TempDir,
}

impl TestServer {
    /// The environment of `access-broker dev`, on free ports.
    pub(crate) async fn start() -> Self {
        Self::start_with_policy(access_broker::dev::environment::POLICY).await
    }

    /// The same with another policy.
    pub(crate) async fn start_with_policy(policy: &str) -> Self {
        Self::start_with(policy, Traces::off()).await
    }

    /// The same, whose spans go somewhere.
    pub(crate) async fn start_with(policy: &str, traces: Traces) -> Self {
        secrets::capture_logs();
        let data_dir = tempfile::tempdir().unwrap();
        fs::write(data_dir.path().join("policy.toml"), policy).unwrap();
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let environment = Environment::start(EnvironmentOptions {
            grpc_addr: free,
            admin_addr: free,
            s3_addr: free,
            issuer_addr: free,
            data_dir: Some(data_dir.path().to_owned()),
            cors_origins: Vec::new(),
            audit: true,
            traces,
            log: std::sync::Arc::default(),
        })
        .await
        .unwrap();
        Self { environment: Some(environment), data_dir }
    }

    pub(crate) fn environment(&self) -> &Environment {
        self.environment.as_ref().unwrap()
    }

    pub(crate) fn policy_file(&self) -> std::path::PathBuf {
        self.environment().policy_file()
    }

    /// An ID token of one of the issuer's users.
    pub(crate) fn token(&self, user: &str) -> String {
        self.environment().issuer.issue(user, Duration::from_mins(10)).unwrap().id_token
    }

    /// A client that presents an ID token of a user.
    pub(crate) async fn client(&self, user: &str) -> Client {
        self.client_with_authorization(&[&format!("Bearer {}", self.token(user))]).await
    }

    /// A client with any number of `authorization` values.
    pub(crate) async fn client_with_authorization(&self, values: &[&str]) -> Client {
        Client::connect(self.environment().grpc_addr, values).await
    }

    /// Stops everything, and checks the log for secrets and the audit records against their schema.
    pub(crate) async fn finish(mut self) {
        self.environment.take().unwrap().stop().await;
        secrets::assert_log_has_no_secrets();
        audit_records(&fs::read_to_string(self.data_dir.path().join("audit.jsonl")).unwrap());
    }

    /// Where an object is stored.
    pub(crate) fn stored(&self, key: &str) -> Option<Vec<u8>> {
        let folder: &Path = self.environment().data_dir();
        fs::read(folder.join("objects/media").join(key)).ok()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        end_line(self.environment.is_none());
    }
}
