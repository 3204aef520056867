//! A broker whose parts are missing, as a process.

use access_broker_dev::EmbeddedIssuer;
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::{Client, Process, VARIABLES, http_get, listening_on, log_lines, tcp_channel, unix_seconds};

/// A token of an issuer, signed by another one's key or by its own.
pub(crate) fn token_of(issuer: &EmbeddedIssuer, of: &str) -> String {
    let claims = json!({ "iss": of, "aud": "broker", "sub": "somebody", "exp": unix_seconds() + 600 });
    format!("Bearer {}", issuer.sign_claims(&claims).unwrap())
}

/// A broker that need not be ready.
pub(crate) struct StartingBroker {
    pub(crate) process: Process,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) admin: std::net::SocketAddr,
}

impl StartingBroker {
    pub(crate) fn start(folder: TempDir) -> Self {
        Self::of(Process::start(&["serve", "--config", "broker.toml"], folder, &VARIABLES))
    }

    pub(crate) fn of(mut process: Process) -> Self {
        let (addresses, admin) = listening_on(&mut process);
        Self { process, address: addresses[0], admin }
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let answer = http_get(format!("http://{}{path}", self.admin)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub(crate) async fn health(&self) -> ServingStatus {
        let request = HealthCheckRequest { service: "accessbroker.v1.AccessBrokerService".to_owned() };
        HealthClient::new(tcp_channel(self.address).await).check(request).await.unwrap().into_inner().status()
    }

    pub(crate) async fn client(&self, authorization: &str) -> Client {
        Client::connect(self.address, &[authorization]).await
    }

    pub(crate) async fn metric(&self, sample: &str) -> Option<String> {
        let (_, text) = self.get("/metrics").await;
        text.lines().find_map(|line| Some(line.strip_prefix(sample)?.trim().to_owned()))
    }

    /// The lines of the log.
    pub(crate) fn lines(&self) -> Vec<Value> {
        log_lines(&self.process)
    }

    /// The levels of the lines which say that this is missing.
    pub(crate) fn levels_of_missing(&self, missing: &str) -> Vec<String> {
        let lines = self.lines().into_iter().filter(|line| line["missing"] == missing);
        lines.map(|line| line["level"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn stop(mut self) {
        self.process.signal("TERM");
        assert!(self.process.exit().success());
    }
}
