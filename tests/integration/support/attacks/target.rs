//! The program under attack, with limits of the test's choice.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::time;
use tonic::transport::Channel;

use crate::support::broker::{bucket, listener};
use crate::support::pki::{Authority, tls_channel};
use crate::support::{Broker, Client, PATIENCE, Program, eventually, tcp_channel};

/// Everybody who is known may read and write everything.
const POLICY: &str = r#"
tier = [{ name = "all", bucket = "media", prefix = "", download = {}, upload = { max_ttl = "1m", overwrite = true } }]
grant = [{ tiers = ["all"], operations = ["download", "upload"], to = { authenticated = true } }]
"#;

pub(crate) struct Target {
    program: Program,
    /// The listeners for tokens, without TLS and with it.
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
}

impl Target {
    /// Starts the program with these lines of `[limits]`.
    pub(crate) async fn start(limits: &str) -> Self {
        Self::start_with("", limits).await
    }

    /// The same with more lines of `[server]`.
    pub(crate) async fn start_with(server: &str, limits: &str) -> Self {
        Self::start_on(Ipv4Addr::LOCALHOST, server, limits).await
    }

    /// The same at another address of the machine.
    pub(crate) async fn listening_on(address: Ipv4Addr, limits: &str) -> Self {
        Self::start_on(address, "", limits).await
    }

    async fn start_on(address: Ipv4Addr, server: &str, limits: &str) -> Self {
        let address = format!("{address}:0");
        let tls = "tls_certificate_file = \"tls.crt\"\ntls_private_key_file = \"tls.key\"";
        let program = Broker::builder()
            .table("server", server)
            .limits(limits)
            .audit("output = \"none\"")
            .listener(listener("token", "").set("address", &*address))
            .listener(listener("token", tls).set("address", &*address))
            .bucket(bucket().set("unsigned_headers", "refused"))
            .silent_s3()
            .policy(POLICY)
            .start_program()
            .await;
        let [plain, tls] = program.addresses[..] else { panic!("two listeners") };
        Self { program, plain, tls }
    }

    pub(crate) const fn authority(&self) -> &Authority {
        &self.program.authority
    }

    /// Stops the program and checks what it wrote.
    pub(crate) fn finish(self) {
        self.program.finish();
    }

    /// The proof of a caller who may call.
    pub(crate) fn authorization(&self, subject: &str) -> String {
        self.program.authorization_of(subject)
    }

    /// A client of this caller, on a connection of its own.
    pub(crate) async fn client(&self, subject: &str) -> Client {
        self.client_over(tcp_channel(self.plain).await, subject)
    }

    pub(crate) fn client_over(&self, channel: Channel, subject: &str) -> Client {
        Client::over(channel, &[("authorization", &self.authorization(subject))])
    }

    /// Makes a call on a new TLS connection, which must be answered.
    pub(crate) async fn assert_serves_by_tls(&self) {
        let called = async {
            let channel = tls_channel(self.tls, self.authority(), None).await;
            self.client_over(channel, "good").download("media", "x").await
        };
        time::timeout(PATIENCE, called).await.expect("a handshake and a call in time").unwrap();
    }

    pub(crate) async fn metrics(&self) -> Metrics {
        Metrics(self.program.metrics().await)
    }

    /// Waits until no call is open, and nothing that calls share is held. Peers may still be connected.
    pub(crate) async fn until_no_call_is_open(&self) {
        self.until(|metrics| {
            let [started, handled] =
                ["started", "handled"].map(|what| metrics.sum(&format!("grpc_server_{what}_total")));
            let open = started.saturating_sub(handled);
            let held = ["streams_open", "calls_in_flight", "request_memory_bytes"];
            let held = held.map(|name| metrics.sum(&format!("access_broker_{name}")));
            (open == 0 && held == [0; 3]).then_some(()).ok_or(format!("{open} calls are open, and {held:?} held"))
        })
        .await;
    }

    /// Waits until so many connections are open.
    pub(crate) async fn until_connections_are(&self, wanted: usize) {
        self.until(|metrics| {
            let open = metrics.sum("access_broker_connections_open");
            (open == wanted as u64).then_some(()).ok_or(format!("{open} connections are open"))
        })
        .await;
    }

    /// The same for no more connections than this.
    pub(crate) async fn until_connections_are_at_most(&self, wanted: u64) {
        self.until(|metrics| {
            let open = metrics.sum("access_broker_connections_open");
            (open <= wanted).then_some(()).ok_or(format!("{open} connections are open"))
        })
        .await;
    }

    /// Waits until the metrics are as they should be.
    async fn until(&self, check: impl Fn(&Metrics) -> Result<(), String>) {
        eventually("expected metrics", PATIENCE, async || check(&self.metrics().await)).await;
    }

    /// Resident memory in KiB, now.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// The most that it ever was.
    pub(crate) fn peak_kib(&self) -> u64 {
        self.status_kib("VmHWM:")
    }

    /// A line of `/proc/PID/status`.
    fn status_kib(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.program.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

/// What `/metrics` says.
pub(crate) struct Metrics(String);

impl Metrics {
    /// The sum of all samples of a metric, of which there must be some, whatever their labels.
    pub(crate) fn sum(&self, name: &str) -> u64 {
        let rest =
            self.0.lines().filter_map(|line| line.strip_prefix(name)).filter(|rest| rest.starts_with(['{', ' ']));
        // Gauges are written with a fraction, which is 0.
        let values: Vec<u64> =
            rest.map(|rest| rest.rsplit(' ').next().unwrap().trim_end_matches(".0").parse().unwrap()).collect();
        assert!(!values.is_empty(), "no metric {name}");
        values.iter().sum()
    }
}
