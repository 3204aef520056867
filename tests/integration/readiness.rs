//! Which replicas serve: with parts missing at the start, lost later, required, and with an audit trail that is full.

use std::cell::RefCell;
use std::fs;
use std::time::SystemTime;

use access_broker_dev::EmbeddedIssuer;
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::serve_process::{configured, issuer, listening_on, log_lines};
use crate::support::{Client, PATIENCE, Process, VARIABLES, audit_records, eventually, tcp_channel};

const ISSUER: &str = "https://issuer.example";

/// Its keys are nowhere: nothing listens there.
const DOWN: &str = "https://127.0.0.1:1/down";

/// A configuration with a second issuer whose keys cannot be fetched, and these lines more.
fn with_issuer_that_is_down(issuer: &EmbeddedIssuer, startup_wait: &str, of_issuer: &str) -> TempDir {
    let folder = configured(ISSUER, issuer.jwks());
    let path = folder.path().join("broker.toml");
    let text = fs::read_to_string(&path).unwrap();
    let server = format!("[server]\nstartup_wait = \"{startup_wait}\"");
    let down = format!("[[issuer]]\nissuer = \"{DOWN}\"\naudiences = [\"broker\"]\n{of_issuer}");
    assert!(text.contains("[server]"));
    fs::write(&path, format!("{}\n{down}\n", text.replace("[server]", &server))).unwrap();
    folder
}

fn token(issuer: &EmbeddedIssuer, of: &str) -> String {
    let exp = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + 600;
    let claims = json!({ "iss": of, "aud": "broker", "sub": "somebody", "exp": exp });
    format!("Bearer {}", issuer.sign_claims(&claims).unwrap())
}

struct Broker {
    process: Process,
    address: std::net::SocketAddr,
    admin: std::net::SocketAddr,
}

impl Broker {
    fn start(folder: TempDir) -> Self {
        Self::of(Process::start(&["serve", "--config", "broker.toml"], folder, &VARIABLES))
    }

    fn of(mut process: Process) -> Self {
        let (addresses, admin) = listening_on(&mut process);
        Self { process, address: addresses[0], admin }
    }

    /// With audit records in a file on a disk of this size. `None` where the system forbids that.
    fn start_with_audit_disk(issuer: &EmbeddedIssuer, bytes: u32) -> Option<Self> {
        let folder = configured(ISSUER, issuer.jwks());
        let path = folder.path().join("broker.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}\n[audit]\noutput = \"file\"\nfile = \"audit/audit.jsonl\"\n")).unwrap();
        let arguments = ["serve", "--config", "broker.toml"];
        Process::start_with_small_disk(("audit", bytes), &arguments, folder, &VARIABLES).map(Self::of)
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = crate::support::http_get(format!("http://{}{path}", self.admin)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn health(&self) -> ServingStatus {
        let request = HealthCheckRequest { service: "accessbroker.v1.AccessBrokerService".to_owned() };
        HealthClient::new(tcp_channel(self.address).await).check(request).await.unwrap().into_inner().status()
    }

    async fn client(&self, authorization: &str) -> Client {
        Client::connect(self.address, &[authorization]).await
    }

    async fn metric(&self, sample: &str) -> Option<String> {
        let (_, text) = self.get("/metrics").await;
        text.lines().find_map(|line| Some(line.strip_prefix(sample)?.trim().to_owned()))
    }

    fn lines(&self, message: &str) -> Vec<Value> {
        log_lines(&self.process).into_iter().filter(|line| line["message"] == message).collect()
    }

    fn stop(mut self) {
        self.process.signal("TERM");
        assert!(self.process.exit().success());
    }
}

#[tokio::test]
async fn an_issuer_that_is_down_at_the_start_costs_its_own_callers_alone() {
    let issuer = issuer().await;
    let broker = Broker::start(with_issuer_that_is_down(&issuer, "1s", ""));
    let client = broker.client(&token(&issuer, ISSUER)).await;
    let message = "serving, but not every call can be answered";
    eventually("a partial service", PATIENCE, async || !broker.lines(message).is_empty()).await;
    assert_eq!(broker.lines(message)[0]["missing"], format!("keys of issuer {DOWN}"));
    let waiting = broker.lines("not serving yet: waiting for all parts");
    assert!(!waiting.is_empty());
    assert!(waiting.iter().all(|line| line["level"] == "INFO"), "an ordinary start has no warning");

    assert_eq!(broker.health().await, ServingStatus::Serving);
    assert_eq!(broker.get("/readyz").await, (200, format!("ready\nwithout keys of issuer {DOWN}\n")));
    let part =
        |name| format!("access_broker_part_available{{part=\"issuer_keys\",name=\"{name}\",required=\"false\"}}");
    assert_eq!(broker.metric(&part(ISSUER)).await.unwrap(), "1.0");
    assert_eq!(broker.metric(&part(DOWN)).await.unwrap(), "0.0");
    assert_eq!(broker.metric("access_broker_serving").await.unwrap(), "1.0");

    client.download("media", "x").await.unwrap();
    let refused = broker.client(&token(&issuer, DOWN)).await.download("media", "x").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    broker.stop();
}

#[tokio::test]
async fn a_start_waits_for_its_parts_and_without_a_required_one_longer() {
    let issuer = issuer().await;
    let waiting = Broker::start(with_issuer_that_is_down(&issuer, "10m", ""));
    let required = Broker::start(with_issuer_that_is_down(&issuer, "1s", "required = true"));
    eventually("the end of the wait", PATIENCE, async || !required.lines("not serving").is_empty()).await;
    let without = format!("without keys of issuer {DOWN}\n");
    for (broker, standing) in [(waiting, "starting"), (required, "not ready")] {
        assert_eq!(broker.get("/readyz").await, (503, format!("{standing}\n{without}")));
        assert_eq!(broker.health().await, ServingStatus::NotServing);
        assert_eq!(broker.metric("access_broker_serving").await.unwrap(), "0.0");
        broker.stop();
    }
}

/// How much of the audit file's disk there is. tmpfs counts in pages.
const DISK: u32 = 128 * 1_024;

#[tokio::test]
async fn a_full_audit_disk_takes_the_replica_out_and_room_on_it_brings_it_back() {
    let issuer = issuer().await;
    let Some(broker) = Broker::start_with_audit_disk(&issuer, DISK) else { return };
    eventually("a service", PATIENCE, async || !broker.lines("serving").is_empty()).await;
    let client = broker.client(&token(&issuer, ISSUER)).await;
    let given = vec![client.download("media", "x").await.unwrap().decision_id];
    assert_eq!(broker.health().await, ServingStatus::Serving);

    // Something else fills the disk.
    let filler = broker.process.path_inside("audit/filler");
    let full = fs::write(&filler, vec![0; DISK as usize]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    // The last page of the file has room for some records.
    let given = RefCell::new(given);
    let refused = eventually("a refusal", PATIENCE, async || match client.download("media", "x").await {
        Ok(answer) => {
            given.borrow_mut().push(answer.decision_id);
            None
        }
        Err(status) => Some(status),
    })
    .await;
    let mut given = given.into_inner();
    assert_eq!(refused.code(), Code::Unavailable);
    // No further call is needed: one attempt confirms the outage.
    eventually("an outage", PATIENCE, async || !broker.lines("not serving").is_empty()).await;
    assert_eq!(broker.get("/readyz").await, (503, "not ready\nwithout audit records\n".to_owned()));
    assert_eq!(broker.health().await, ServingStatus::NotServing);
    let part = "access_broker_part_available{part=\"audit_trail\",name=\"\",required=\"true\"}";
    assert_eq!(broker.metric(part).await.unwrap(), "0.0");

    fs::remove_file(&filler).unwrap();
    eventually("health", PATIENCE, async || broker.health().await == ServingStatus::Serving).await;
    assert_eq!(broker.get("/readyz").await, (200, "ready\n".to_owned()));
    assert_eq!(broker.lines("audit records can be written again").len(), 1);
    given.push(client.download("media", "x").await.unwrap().decision_id);
    let records = audit_records(&fs::read_to_string(broker.process.path_inside("audit/audit.jsonl")).unwrap());
    let recorded: Vec<_> = records.iter().map(|record| record["decision_id"].as_str().unwrap()).collect();
    assert_eq!(recorded, given, "attempts leave nothing in the file");
    broker.stop();
}

#[tokio::test]
async fn a_replica_whose_audit_disk_is_full_at_the_start_does_not_come_into_rotation() {
    let issuer = issuer().await;
    // One page: the file can be made, and nothing fits into it.
    let Some(broker) = Broker::start_with_audit_disk(&issuer, 4_096) else { return };
    let waits = |broker: &Broker| {
        broker.lines("not serving yet: waiting for all parts").iter().any(|line| line["missing"] == "audit records")
    };
    eventually("the other parts", PATIENCE, async || waits(&broker)).await;
    assert_eq!(broker.get("/readyz").await, (503, "starting\nwithout audit records\n".to_owned()));
    assert_eq!(broker.health().await, ServingStatus::NotServing);
    assert_eq!(broker.lines("audit records cannot be written").len(), 1);
    broker.stop();
}
