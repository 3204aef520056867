//! The cost of a record: `IssueDownloadUrl` of a broker that syncs a record to disk before each answer, compared with
//! one without records, in one run.
//!
//! Both are the broker of `access-broker dev` over loopback TCP, in this process and on one runtime with their client.
//! The callers are many streams on few connections; each has one call in flight. The file is in the system's temporary
//! directory: on a file system in memory a sync costs nothing, so set `TMPDIR` to a directory on the disk to measure.
//!
//! Without `--bench`, as in `cargo test --benches`, it runs one short round.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark ends at its first error and prints")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{array, env, io};

use access_broker::audit::AuditStatus;
use access_broker::contract::proto::IssueDownloadUrlRequest;
use access_broker::contract::proto::access_broker_service_client::AccessBrokerServiceClient;
use access_broker::dev::environment::{Environment, EnvironmentOptions};
use access_broker::telemetry::Traces;
use access_broker::telemetry::{LogFormat, LogSettings, subscriber};
use access_broker_dev::CUTE_CAT;
use tokio::task::JoinSet;
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tracing::Level;

type Client = AccessBrokerServiceClient<Channel>;

/// Callers with a call in flight.
const CALLERS: [u32; 3] = [1, 16, 256];

/// HTTP/2 connections to each broker.
const CONNECTIONS: usize = 4;

#[tokio::main]
async fn main() {
    let (rounds, calls) = if env::args().any(|argument| argument == "--bench") { (7_u32, 200) } else { (1, 20) };
    let logs = subscriber(LogSettings { format: LogFormat::Json, level: Level::INFO }, io::sink);
    tracing::subscriber::set_global_default(logs).unwrap();
    let brokers = [Broker::start(true).await, Broker::start(false).await];
    println!("\nIssueDownloadUrl with a record synced to a file before each answer, compared with none:");
    println!("median of {rounds} rounds, brokers taken in turn; the ratio is the median of the rounds' own\n");
    println!("  callers   records/s   calls/s without   ratio   µs per call   µs without   records per sync");
    for callers in CALLERS {
        // Few callers wait for one sync after another; many share each sync.
        let calls = if callers == 1 { calls } else { calls * callers.ilog2() * 5 / 2 };
        let mut times = Vec::new();
        let before = Progress::of(&brokers[0]);
        for round in 0..=rounds {
            let [with, without] = [brokers[0].drive(callers, calls).await, brokers[1].drive(callers, calls).await];
            // The first round warms up.
            if round > 0 {
                times.push([with, without].map(|time| time.as_secs_f64() / f64::from(calls)));
            }
        }
        let (records, groups) = Progress::of(&brokers[0]).since(&before);
        assert_eq!(records, (rounds + 1) * calls);
        let [with, without] = array::from_fn(|index| median(times.iter().map(|times| times[index])));
        let ratio = median(times.iter().map(|[with, without]| without / with));
        let waited = |time: f64| time * f64::from(callers) * 1e6;
        println!(
            "  {callers:>7} {:>11.0} {:>17.0} {ratio:>7.2} {:>13.0} {:>12.0} {:>18.1}",
            with.recip(),
            without.recip(),
            waited(with),
            waited(without),
            f64::from(records) / f64::from(groups),
        );
    }
    let status = brokers[0].status();
    println!("\n  the last sync took {:.0} µs\n", status.last_sync().unwrap_or_default().as_secs_f64() * 1e6);
    for broker in brokers {
        broker.environment.stop().await;
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The records up to an instant.
struct Progress {
    records: u64,
    groups: u64,
}

impl Progress {
    fn of(broker: &Broker) -> Self {
        let status = broker.status();
        Self { records: status.records(), groups: status.groups() }
    }

    fn since(&self, before: &Self) -> (u32, u32) {
        let [records, groups] = [self.records - before.records, self.groups - before.groups];
        (records.try_into().unwrap(), groups.try_into().unwrap())
    }
}

/// A broker and its clients.
struct Broker {
    environment: Environment,
    clients: Vec<Client>,
    authorization: MetadataValue<Ascii>,
}

impl Broker {
    async fn start(audit: bool) -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let options = EnvironmentOptions {
            grpc_addr: free,
            admin_addr: free,
            s3_addr: free,
            issuer_addr: free,
            data_dir: None,
            cors_origins: Vec::new(),
            audit,
            traces: Traces::off(),
            log: Arc::default(),
        };
        let environment = Environment::start(options).await.unwrap();
        let token = environment.issuer.issue("user-two", Duration::from_hours(1)).unwrap().id_token;
        let authorization = format!("Bearer {token}").parse().unwrap();
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let endpoint = Endpoint::from_shared(format!("http://{}", environment.grpc_addr)).unwrap();
            clients.push(Client::new(endpoint.connect().await.unwrap()));
        }
        Self { environment, clients, authorization }
    }

    fn status(&self) -> Arc<AuditStatus> {
        Arc::clone(self.environment.server.audit().status().unwrap())
    }

    /// Makes `calls` calls with `callers` callers, and returns the total time.
    async fn drive(&self, callers: u32, calls: u32) -> Duration {
        let next = Arc::new(AtomicU32::new(0));
        let started = Instant::now();
        let mut workers = JoinSet::new();
        for client in self.clients.iter().cycle().take(usize::try_from(callers).unwrap()) {
            let (mut client, next, authorization) = (client.clone(), Arc::clone(&next), self.authorization.clone());
            workers.spawn(async move {
                while next.fetch_add(1, Ordering::Relaxed) < calls {
                    let message = IssueDownloadUrlRequest { key: CUTE_CAT.key.to_owned(), ..Default::default() };
                    let mut request = Request::new(message);
                    request.metadata_mut().insert("authorization", authorization.clone());
                    client.issue_download_url(request).await.unwrap();
                }
            });
        }
        workers.join_all().await;
        started.elapsed()
    }
}
