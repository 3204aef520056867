//! A broker inside the test, with limits of the test's choice and an issuer whose tokens it takes.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use access_broker::config::Config;
use access_broker::server::{RunningServer, StartOptions};
use access_broker::telemetry::ServerCounters;
use access_broker_base::document::Overrides;
use access_broker_dev::EmbeddedIssuer;
use access_broker_identity::PlainHttp;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time;

use super::{
    Client, ISSUER, PATIENCE, assert_no_secrets, authorization, authorization_of, capture_logs, configured, eventually,
    issuer, secrets, start_options, start_server,
};

pub(crate) struct Broker {
    /// `None` once a test has taken it.
    server: Option<RunningServer>,
    address: SocketAddr,
    counters: Arc<ServerCounters>,
    issuer: EmbeddedIssuer,
    _folder: TempDir,
    /// Accepts connections and never answers: S3, when it is looked at.
    _silent_s3: TcpListener,
}

impl Broker {
    pub(crate) async fn start(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_in(start_options(), change).await
    }

    pub(crate) async fn start_in(options: StartOptions, change: impl FnOnce(&mut Config)) -> Self {
        capture_logs();
        let issuer = issuer().await;
        let folder = configured(ISSUER, issuer.jwks());
        let silent_s3 = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let path = folder.path().join("broker.toml");
        let region = "region = \"eu-west-1\"\n";
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(region));
        let endpoint = format!("{region}endpoint = \"http://{}\"\n", silent_s3.local_addr().unwrap());
        fs::write(&path, text.replace(region, &endpoint)).unwrap();
        let mut config = Config::load(&path, Overrides::new(), PlainHttp::Refused).unwrap();
        change(&mut config);
        let server = start_server(config, options).await.unwrap();
        time::timeout(PATIENCE, server.ready()).await.unwrap();
        let (address, counters) = (server.grpc_addr().unwrap(), Arc::clone(server.counters()));
        Self { server: Some(server), address, counters, issuer, _folder: folder, _silent_s3: silent_s3 }
    }

    pub(crate) fn server(&self) -> &RunningServer {
        self.server.as_ref().unwrap()
    }

    /// The server, for a test that ends it and keeps what it needs.
    pub(crate) fn take_server(&mut self) -> RunningServer {
        self.server.take().unwrap()
    }

    pub(crate) async fn stop(mut self) {
        self.take_server().stop().await;
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn authorization(&self) -> String {
        authorization(&self.issuer)
    }

    /// A client on a new connection.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address(), &[&self.authorization()]).await
    }

    /// The same for another caller.
    pub(crate) async fn client_of(&self, subject: &str) -> Client {
        Client::connect(self.address(), &[&authorization_of(&self.issuer, subject)]).await
    }

    /// Waits until a sample of the metrics page has this value.
    pub(crate) async fn wait_for_metric(&self, sample: &str, value: u32) {
        let page = format!("http://{}/metrics", self.server().admin_addr());
        let line = format!("{sample} {value}");
        eventually(&line, PATIENCE, async || {
            let text = crate::support::http_get(&page).await.unwrap().text().await.unwrap();
            text.lines().any(|found| found == line || found == format!("{line}.0"))
        })
        .await;
    }

    /// The metrics page.
    pub(crate) async fn metrics(&self) -> String {
        let page = format!("http://{}/metrics", self.server().admin_addr());
        crate::support::http_get(&page).await.unwrap().text().await.unwrap()
    }

    /// An ordinary call on a new connection, which must be answered.
    pub(crate) async fn assert_serves(&self) {
        let called = async { self.client().await.download("media", "x").await };
        time::timeout(PATIENCE, called).await.expect("a call is answered").unwrap();
    }

    pub(crate) fn counters(&self) -> Arc<ServerCounters> {
        Arc::clone(&self.counters)
    }

    /// Waits until so many connections are open.
    pub(crate) async fn wait_for_open(&self, open: u64) {
        let counters = self.counters();
        eventually(&format!("{open} open connections"), PATIENCE, async || counters.connections_open() == open).await;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_no_secrets("the log", &secrets::log());
        }
    }
}
