//! A broker inside the test, with a clock that can be moved and a log of its own.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use access_broker::grpc::proto::IssueDownloadUrlResponse;
use access_broker::server::{BoundAddress, RunningServer, StartOptions};
use access_broker::telemetry::{LogFormat, LogSettings, subscriber};
use access_broker_base::clock::Clock;
use serde_json::Value;
use tokio::time::{self};
use tonic::Status;
use tonic::transport::Channel;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

use super::setup::Setup;
use crate::support::pki::{Issued, tls_channel};
use crate::support::{
    Client, PATIENCE, SHARED_REQUEST_ID, assert_no_secrets, audit_records, eventually, start_server, tcp_channel,
    unix_channel,
};

/// A running broker. Its end searches the log for secrets.
pub(crate) struct Broker {
    pub(crate) setup: Setup,
    pub(crate) clock: Arc<MovableClock>,
    pub(crate) log: Log,
    server: Option<RunningServer>,
}

/// How a call ended, for the client and in the log.
pub(crate) struct Called {
    pub(crate) answer: Result<IssueDownloadUrlResponse, Status>,
    pub(crate) line: Value,
}

impl Broker {
    /// Starts a broker with these `[[listener]]` tables.
    pub(crate) async fn start(listeners: &str) -> Self {
        let setup = Setup::new(listeners);
        let (log, clock) = (Log::capture(), Arc::new(MovableClock::default()));
        let server = start_server(setup.config(), start_options(&clock)).await.unwrap();
        time::timeout(PATIENCE, server.ready()).await.unwrap();
        Self { setup, clock, log, server: Some(server) }
    }

    pub(crate) fn server(&self) -> &RunningServer {
        self.server.as_ref().unwrap()
    }

    /// Stops the server and leaves its files and its log.
    pub(crate) async fn stop(&mut self) {
        self.server.take().unwrap().stop().await;
    }

    /// The address of the listener with this index.
    pub(crate) fn address(&self, index: usize) -> SocketAddr {
        match &self.server().addresses()[index] {
            BoundAddress::Tcp(address) => *address,
            BoundAddress::Unix(path) => panic!("{} is no IP address", path.display()),
        }
    }

    /// A channel to a listener, by whatever it runs over; the identity is for one with certificates.
    pub(crate) async fn channel(&self, index: usize, identity: Option<&Issued>) -> Channel {
        let has_tls = self.setup.config().listeners[index].tls.is_some();
        match &self.server().addresses()[index] {
            BoundAddress::Tcp(address) if has_tls => tls_channel(*address, &self.setup.authority, identity).await,
            BoundAddress::Tcp(address) => tcp_channel(*address).await,
            BoundAddress::Unix(path) => unix_channel(path.clone()).await,
        }
    }

    /// A client of a listener, with metadata for every call, and the request id that all of them share.
    pub(crate) async fn client(
        &self,
        index: usize,
        identity: Option<&Issued>,
        metadata: &[(&'static str, &str)],
    ) -> Client {
        let metadata = [metadata, &[SHARED_REQUEST_ID]].concat();
        Client::over(self.channel(index, identity).await, &metadata)
    }

    /// Asks for the URL of an object, and waits for the line of the call. One call at a time.
    pub(crate) async fn call(&self, client: &Client, key: &str) -> Called {
        let before = self.log.calls().len();
        let answer = client.download("media", key).await;
        let line = self.log.wait_for("line of the call", |log| log.calls().into_iter().nth(before)).await;
        assert_eq!(answer.is_ok(), line["code"] == "OK", "{answer:?} {line}");
        Called { answer, line }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_no_secrets("the log", &self.log.text());
            audit_records(&fs::read_to_string(self.setup.path("audit.jsonl")).unwrap());
        }
    }
}

impl Called {
    /// The code of the answer, and the reason that only the log tells.
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
pub(crate) fn start_options(clock: &Arc<MovableClock>) -> StartOptions {
    StartOptions {
        clock: Arc::clone(clock) as _,
        environment: Arc::new(|name| (!POD_VARIABLES.contains(&name)).then(|| format!("value-of-{name}"))),
        ..StartOptions::system()
    }
}

/// The machine's time until it is set to another, where it stands still.
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

/// Everything that is logged on this thread, which is the only one of a test's runtime.
pub(crate) struct Log {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn capture() -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        let settings = LogSettings { format: LogFormat::Json, level: Level::TRACE };
        let guard = tracing::subscriber::set_default(subscriber(settings, move || writer.clone()));
        Self { lines, _guard: guard }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&locked(&self.lines.0)).into_owned()
    }

    /// Every line with this message, in order.
    pub(crate) fn with_message(&self, message: &str) -> Vec<Value> {
        let lines = self.text();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["message"] == message).collect()
    }

    /// The lines of the calls to the service so far.
    pub(crate) fn calls(&self) -> Vec<Value> {
        let lines = self.with_message("call").into_iter();
        lines.filter(|line| line["target"] == "access" && line["method"] == "IssueDownloadUrl").collect()
    }

    /// Waits until a question has an answer.
    pub(crate) async fn wait_for<T>(&self, what: &str, question: impl Fn(&Self) -> Option<T>) -> T {
        eventually(what, PATIENCE, async || question(self).ok_or_else(|| self.text())).await
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        locked(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
