//! A broker inside the test, with a movable clock and its own log.

use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use access_broker::config::Config;
use access_broker::contract::proto::IssueDownloadUrlResponse;
use access_broker::server::{BoundAddress, RunningServer, StartOptions};
use access_broker::telemetry::ServerCounters;
use access_broker_base::clock::Clock;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time;
use tonic::Status;
use tonic::transport::Channel;

use super::builder::Builder;
use super::log::Log;
use super::setup::Setup;
use crate::support::pki::{Issued, tls_channel};
use crate::support::{
    Client, PATIENCE, SHARED_REQUEST_ID, assert_no_secrets, audit_records, capture_logs, end_line, eventually,
    http_get, start_server, tcp_channel, unix_channel,
};

/// A running broker. A test ends with [`Broker::finish`].
#[must_use = "`finish` checks the log and the audit records"]
pub(crate) struct Broker {
    pub(crate) setup: Setup,
    pub(crate) clock: Arc<MovableClock>,
    pub(crate) log: Log,
    /// `None` once a test has stopped it or taken it.
    server: Option<RunningServer>,
    addresses: Vec<BoundAddress>,
    counters: Arc<ServerCounters>,
    /// Accepts connections and never answers.
    _silent_s3: Option<TcpListener>,
    is_finished: bool,
}

/// How a call ended, for the client and in the log.
pub(crate) struct Called {
    pub(crate) answer: Result<IssueDownloadUrlResponse, Status>,
    pub(crate) line: Value,
}

impl Broker {
    pub(crate) fn builder() -> Builder {
        Builder::new()
    }

    pub(super) async fn start_with(
        setup: Setup,
        config: Config,
        options: StartOptions,
        clock: Arc<MovableClock>,
        silent_s3: Option<TcpListener>,
    ) -> Self {
        capture_logs();
        let log = Log::capture();
        let server = start_server(config, options).await.unwrap();
        time::timeout(PATIENCE, server.ready()).await.expect("readiness timed out");
        let (addresses, counters) = (server.addresses().to_vec(), Arc::clone(server.counters()));
        let (server, is_finished) = (Some(server), false);
        Self { setup, clock, log, server, addresses, counters, _silent_s3: silent_s3, is_finished }
    }

    pub(crate) fn server(&self) -> &RunningServer {
        self.server.as_ref().unwrap()
    }

    /// The server, for a test that stops it and keeps what it needs.
    pub(crate) fn take_server(&mut self) -> RunningServer {
        self.server.take().unwrap()
    }

    /// Stops the server and leaves its files and its log.
    pub(crate) async fn stop(&mut self) {
        self.take_server().stop().await;
    }

    /// Stops the server if it still runs, and checks its log for secrets and its audit records against their schema.
    pub(crate) async fn finish(mut self) {
        self.is_finished = true;
        if let Some(server) = self.server.take() {
            time::timeout(2 * PATIENCE, server.stop()).await.expect("the stop timed out");
        }
        assert_no_secrets("the log", &self.log.text());
        if let Ok(records) = fs::read_to_string(self.setup.path("audit.jsonl")) {
            audit_records(&records);
        }
    }

    /// The address of the first listener.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address_of(0)
    }

    /// The address of the listener with this index.
    pub(crate) fn address_of(&self, index: usize) -> SocketAddr {
        match &self.addresses[index] {
            BoundAddress::Tcp(address) => *address,
            BoundAddress::Unix(path) => panic!("{} is no IP address", path.display()),
        }
    }

    /// A channel to a listener over its transport; the identity is for one with certificates.
    pub(crate) async fn channel(&self, index: usize, identity: Option<&Issued>) -> Channel {
        let has_tls = self.setup.config().listeners[index].tls.is_some();
        match &self.addresses[index] {
            BoundAddress::Tcp(address) if has_tls => tls_channel(*address, &self.setup.authority, identity).await,
            BoundAddress::Tcp(address) => tcp_channel(*address).await,
            BoundAddress::Unix(path) => unix_channel(path.clone()).await,
        }
    }

    /// A client of a listener, with metadata for every call, and the request id that all of them share.
    pub(crate) async fn client_on(
        &self,
        index: usize,
        identity: Option<&Issued>,
        metadata: &[(&'static str, &str)],
    ) -> Client {
        let metadata = [metadata, &[SHARED_REQUEST_ID]].concat();
        Client::over(self.channel(index, identity).await, &metadata)
    }

    /// The proof of a caller whom the default policy lets read.
    pub(crate) fn authorization(&self) -> String {
        self.setup.authorization_of("somebody")
    }

    /// A client on a new connection.
    pub(crate) async fn client(&self) -> Client {
        self.client_of("somebody").await
    }

    /// The same for another caller.
    pub(crate) async fn client_of(&self, subject: &str) -> Client {
        Client::connect(self.address(), &[&self.setup.authorization_of(subject)]).await
    }

    /// Asks for the URL of an object, and waits for the line of the call. One call at a time.
    pub(crate) async fn call(&self, client: &Client, key: &str) -> Called {
        let before = self.log.calls().len();
        let answer = client.download("media", key).await;
        let line = self.log.wait_for("line of the call", |log| log.calls().into_iter().nth(before)).await;
        assert_eq!(answer.is_ok(), line["code"] == "OK", "{answer:?} {line}");
        Called { answer, line }
    }

    /// An ordinary call on a new connection, which must be answered.
    pub(crate) async fn assert_serves(&self) {
        let called = async { self.client().await.download("media", "x").await };
        time::timeout(PATIENCE, called).await.expect("a call is answered").unwrap();
    }

    /// The metrics page.
    pub(crate) async fn metrics(&self) -> String {
        let page = format!("http://{}/metrics", self.server().admin_addr());
        http_get(&page).await.unwrap().text().await.unwrap()
    }

    /// Waits until a sample of the metrics page has this value.
    pub(crate) async fn wait_for_metric(&self, sample: &str, value: u32) {
        let line = format!("{sample} {value}");
        eventually(&line, PATIENCE, async || {
            let text = self.metrics().await;
            text.lines().any(|found| found == line || found == format!("{line}.0"))
        })
        .await;
    }

    pub(crate) fn counters(&self) -> Arc<ServerCounters> {
        Arc::clone(&self.counters)
    }

    /// Waits until so many connections are open.
    pub(crate) async fn wait_for_open(&self, open: u64) {
        let what = format!("{open} open connections");
        eventually(&what, PATIENCE, async || self.counters.connections_open() == open).await;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        end_line(self.is_finished);
    }
}

impl Called {
    /// The code of the answer, and the reason that only the log has.
    pub(crate) fn outcome(&self) -> String {
        let text = |name: &str| self.line[name].as_str();
        [text("code"), text("reason")].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// The subject and the workload that the line names.
    pub(crate) fn caller(&self) -> (Option<&str>, Option<&str>) {
        (self.line["subject"].as_str(), self.line["workload"].as_str())
    }

    pub(crate) fn refusal(self) -> Status {
        self.answer.unwrap_err()
    }
}

/// Those in which a pod's manifest gives addresses.
const POD_VARIABLES: [&str; 2] = ["POD_IP", "HOST_IP"];

/// What a broker takes from the machine, with another clock.
pub(super) fn start_options(clock: &Arc<MovableClock>) -> StartOptions {
    StartOptions {
        clock: Arc::clone(clock) as _,
        environment: Arc::new(|name| (!POD_VARIABLES.contains(&name)).then(|| format!("value-of-{name}"))),
        ..StartOptions::system()
    }
}

/// The machine's time until it is set to another, at which it stays.
#[derive(Default)]
pub(crate) struct MovableClock(Mutex<Option<SystemTime>>);

impl MovableClock {
    pub(crate) fn set(&self, now: SystemTime) {
        *locked(&self.0) = Some(now);
    }
}

impl Clock for MovableClock {
    fn now(&self) -> SystemTime {
        locked(&self.0).unwrap_or_else(SystemTime::now)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
