//! A broker whose log cannot be asked where it serves.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::atomic::{AtomicU8, Ordering};

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::without_proof;
use crate::support::{
    Client, PATIENCE, Process, VARIABLES, authorization, configured, eventually, issuer, tcp_channel,
};

pub(super) struct Broker {
    pub(super) process: Process,
    pub(super) grpc: SocketAddr,
    admin: SocketAddr,
    client: Client,
}

/// A loopback address that no other test or process uses: its ports need not be asked for.
fn own_address() -> Ipv4Addr {
    static STARTED: AtomicU8 = AtomicU8::new(100);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, STARTED.fetch_add(1, Ordering::Relaxed), high, low)
}

impl Broker {
    /// Starts a broker with this standard error and waits until it is ready.
    pub(super) async fn start(stderr: Option<Stdio>, variables: &[(&str, &str)]) -> Self {
        let issuer = issuer().await;
        let folder = configured("https://issuer.example", issuer.jwks());
        let ip = own_address();
        let (grpc, admin) = (SocketAddr::from((ip, 50_051)), SocketAddr::from((ip, 9_090)));
        let (grpc_addr, admin_addr) = (grpc.to_string(), admin.to_string());
        let arguments = ["serve", "--config", "broker.toml", "--grpc-addr", &grpc_addr, "--admin-addr", &admin_addr];
        let variables = [&VARIABLES, variables].concat();
        let process = Process::start_logging_to(stderr, &arguments, folder, &variables);

        eventually("readiness", PATIENCE, async || status(admin, "readyz").await == Some(200)).await;
        let authorization = authorization(&issuer);
        let client = Client::connect(grpc, &[&authorization]).await;
        Self { process, grpc, admin, client }
    }

    /// Every call is answered, and so are health and admin HTTP.
    pub(super) async fn answers(&self, calls: usize) {
        let answering = async {
            for _ in 0..calls {
                self.client.download("", "a folder/report.pdf").await.unwrap();
            }
            let mut health = HealthClient::new(tcp_channel(self.grpc).await);
            health.check(HealthCheckRequest::default()).await.unwrap();
            assert_eq!(status(self.admin, "livez").await, Some(200));
            assert!(status(self.admin, "readyz").await.is_some());
        };
        tokio::time::timeout(PATIENCE, answering).await.expect("calls are answered");
    }

    pub(super) async fn metrics(&self) -> String {
        let asking = async {
            crate::support::http_get(format!("http://{}/metrics", self.admin)).await.unwrap().text().await.unwrap()
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("metrics are answered")
    }

    /// The metrics, once this is true of them.
    pub(super) async fn metrics_when(&self, is_true: impl Fn(&str) -> bool) -> String {
        eventually("expected metrics", PATIENCE, async || {
            let metrics = self.metrics().await;
            if is_true(&metrics) { Ok(metrics) } else { Err(metrics) }
        })
        .await
    }

    /// Has calls without a proof refused until this is true of the metrics.
    pub(super) async fn is_refused_until(&self, is_true: impl Fn(&str) -> bool) {
        // A few times as many as fill the queue.
        for _ in 0..80 {
            without_proof(self.grpc, 800).await;
            if is_true(&self.metrics().await) {
                return;
            }
        }
        panic!("{}", self.metrics().await);
    }

    /// Waits until the broker has taken notice of a signal.
    pub(super) async fn is_draining(&self) {
        eventually("the end of readiness", PATIENCE, async || status(self.admin, "readyz").await == Some(503)).await;
    }

    pub(super) fn stops_well(&mut self) {
        self.process.signal("TERM");
        assert_eq!(self.process.exit().code(), Some(0));
    }
}

/// The status of an answer of the admin port, or none while it cannot be reached.
async fn status(admin: SocketAddr, path: &str) -> Option<u16> {
    crate::support::http_get(format!("http://{admin}/{path}")).await.ok().map(|answer| answer.status().as_u16())
}

/// A counter of lost lines.
pub(super) fn lost(metrics: &str, cause: &str) -> u64 {
    sample(metrics, &format!("access_broker_log_lines_lost_total{{cause=\"{cause}\"}}"))
}

/// A sample by its name and labels.
pub(super) fn sample(metrics: &str, name: &str) -> u64 {
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name} in\n{metrics}")).parse().unwrap()
}
