//! The running server: start from a checked configuration, and stop.

mod admin;
mod assemble;
mod budgets;
mod connections;
mod lifecycle;
mod listening;
mod reload_receiver;
mod services;
mod start_options;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};
use tokio::time;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic_health::server::HealthReporter;

pub(crate) use lifecycle::panic_hook::log_panics;
pub use lifecycle::readiness::Readiness;
pub use lifecycle::reloader::Reloader;
pub(crate) use lifecycle::self_check::SelfCheck;
pub use lifecycle::server_state::{Part, ServerState};
pub(crate) use lifecycle::service_manager::ServiceManager;
pub(crate) use lifecycle::signals::{ReloadSignal, Signals, StopSignal, StopSignals};
pub use listening::listener::BoundAddress;
pub use start_options::StartOptions;

use self::admin::AdminLimits;
use self::assemble::Components;
use self::budgets::budgets;
use self::connections::{Connections, Ends};
use self::lifecycle::policy_reload::{self, PolicyWatch, Watched};
use self::lifecycle::readiness;
use self::listening::listener::{Listener, bind_error};
use self::listening::{file_limit, own_network};
use self::reload_receiver::ReloadReceiver;
use self::services::HttpOptions;
use crate::audit::AuditTrail;
use crate::calls::Protocols;
use crate::config::{Config, LoadedPolicy};
use crate::grpc::HealthService;
use crate::http::AcceptedHosts;
use crate::telemetry::{AdminCounters, ServerCounters, Traces};

/// How long the admin port may take to close. A scrape takes milliseconds.
const ADMIN_LIMIT: Duration = Duration::from_secs(1);

/// How long closing the audit trail and the traces may take. Each has a shorter limit of its own.
const CLOSE_LIMIT: Duration = Duration::from_secs(15);

/// A server with bound ports. It answers calls when [`ready`](Self::ready) returns.
///
/// If it is dropped without [`stop`](Self::stop), it ends immediately.
pub struct RunningServer {
    addresses: Vec<BoundAddress>,
    admin_addr: SocketAddr,
    readiness: Readiness,
    counters: Arc<ServerCounters>,
    audit: AuditTrail,
    traces: Traces,
    connections: Connections,
    drain_delay: Duration,
    shutdown_grace: Duration,
    self_check: SelfCheck,
    reloader: Reloader,
    stop_listeners: CancellationToken,
    ends: Ends,
    stop_admin: CancellationToken,
    /// The accept loops; `stop_listeners` ends them.
    listeners: JoinSet<()>,
    /// One task; `stop_admin` ends it.
    admin: JoinSet<()>,
    /// Reload and refresh tasks; they end when this value is dropped.
    background: JoinSet<()>,
    _ends_connections: DropGuard,
}

impl fmt::Debug for RunningServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningServer").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl RunningServer {
    /// Starts with a loaded policy, in this order:
    ///
    /// 1. The process is checked: whether it has its own network if a listener trusts its pod, and how many files it
    ///    may open.
    /// 2. Every component is built. Secrets and files that the configuration names are read; the audit output is
    ///    opened.
    /// 3. Certificates are read and the ports are bound.
    /// 4. In the background, signing keys and credentials are fetched, files are watched, and health follows
    ///    [readiness](Self::readiness).
    /// 5. The admin port and the listeners accept connections.
    ///
    /// # Errors
    ///
    /// When a secret or a certificate is invalid, or an address cannot be bound.
    pub async fn start(config: Config, policy: LoadedPolicy, options: StartOptions) -> anyhow::Result<Self> {
        // Boxed: building many components makes a future that is too large for every caller's.
        Box::pin(Self::start_in_order(config, policy, options)).await
    }

    async fn start_in_order(config: Config, policy: LoadedPolicy, options: StartOptions) -> anyhow::Result<Self> {
        own_network::refuse_node_network(&config.listeners, &options.environment)?;
        let mut limits = config.limits.clone();
        let connection_limit = file_limit::fit_into_file_limit(&mut limits);

        let LoadedPolicy { compiled, source, arrivals } = policy;
        let components = assemble::assemble(&config, compiled, &options).await?;

        let Ports { listeners: bound, addresses, admin: admin_port, admin_addr } = Ports::bind(&config).await?;

        let (reload, reloads) = ReloadReceiver::channel();
        let health = HealthReporter::new();
        readiness::publish(&health, false).await;
        let mut background = JoinSet::new();
        components.spawn_refreshes(&mut background);
        background.spawn(policy_reload::watch(
            config.clone(),
            Arc::clone(&components.policy),
            Watched { policy: PolicyWatch::new(config.policy.settle, source), arrivals },
            components.policy_hook(),
            reloads.clone(),
        ));
        for tls in bound.iter().filter_map(Listener::tls) {
            background.spawn(Arc::clone(tls).watch(reloads.clone()));
        }
        background.spawn(components.readiness.clone().watch(health.clone()));

        let [stop_listeners, stop_admin] = [(); 2].map(|()| CancellationToken::new());
        let ends = Ends::default();
        let counters = Arc::new(ServerCounters::default());
        let budgets = budgets(&limits);
        let hosts = if options.loopback_hosts_only { AcceptedHosts::Loopback } else { AcceptedHosts::Any };
        let service = services::service(
            components.operations(config.sole_bucket().cloned()),
            HttpOptions { settings: config.http.clone(), hosts },
            HealthService::new(health),
            config.server.reflection,
            components.pipeline(&options, &budgets, &limits, &counters.calls),
            ends.stop.clone(),
        )?;
        let (admin_limits, admin_counters) = (AdminLimits::from(&limits), Arc::new(AdminCounters::default()));
        let self_check = SelfCheck::new(service.clone(), &limits);
        let streams = budgets.streams.clone();
        let connections = Connections::new(service, limits, streams, Arc::clone(&counters), ends.clone());
        background.spawn(connections.clone().watch_deliveries());

        let certificates = bound.iter().zip(&addresses).filter_map(|(listener, address)| listener.certificate(address));
        let metrics =
            components.metrics(certificates.collect(), &counters, &budgets, &admin_counters, connection_limit);
        let routes = admin::routes(components.readiness.clone(), metrics, options.loopback_hosts_only);
        let mut admin = JoinSet::new();
        admin.spawn(admin::serve(admin_port, routes, admin_limits, admin_counters, stop_admin.clone()));
        let mut listeners = JoinSet::new();
        for listener in bound {
            listeners.spawn(listener.run(connections.clone(), stop_listeners.clone()));
        }

        let (key_rings, signers) = (components.key_rings(), components.signers());
        let Components { readiness, audit, .. } = components;
        Ok(Self {
            addresses,
            admin_addr,
            readiness,
            counters,
            audit,
            traces: options.traces,
            connections,
            drain_delay: config.server.drain_delay,
            shutdown_grace: config.server.shutdown_grace,
            self_check,
            reloader: Reloader { key_rings, signers, files: reload },
            stop_listeners,
            stop_admin,
            listeners,
            admin,
            background,
            _ends_connections: ends.cut.clone().drop_guard(),
            ends,
        })
    }

    /// The gRPC addresses, in the order of the configuration.
    #[must_use]
    pub fn addresses(&self) -> &[BoundAddress] {
        &self.addresses
    }

    /// The first IP address of these, if there is one.
    #[must_use]
    pub fn grpc_addr(&self) -> Option<SocketAddr> {
        self.addresses.iter().find_map(|address| match address {
            BoundAddress::Tcp(address) => Some(*address),
            BoundAddress::Unix(_) => None,
        })
    }

    /// The address of `/livez`, `/readyz` and `/metrics`.
    #[must_use]
    pub const fn admin_addr(&self) -> SocketAddr {
        self.admin_addr
    }

    /// The readiness of the server.
    #[must_use]
    pub const fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// The audit trail.
    #[must_use]
    pub const fn audit(&self) -> &AuditTrail {
        &self.audit
    }

    /// Returns when health says SERVING; see [`ServerState`].
    pub async fn ready(&self) {
        self.readiness.ready().await;
    }

    /// Counts connections and calls.
    #[must_use]
    pub const fn counters(&self) -> &Arc<ServerCounters> {
        &self.counters
    }

    /// Checks the server through its own HTTP/2 and pipeline.
    #[must_use]
    pub(crate) const fn self_check(&self) -> &SelfCheck {
        &self.self_check
    }

    /// Reloads files, keys and credentials.
    #[must_use]
    pub const fn reloader(&self) -> &Reloader {
        &self.reloader
    }

    /// Returns when a required part of the server has ended unexpectedly, and which one. The caller should then stop
    /// the server and end the process.
    pub async fn failed(&mut self) -> anyhow::Error {
        tokio::select! {
            ended = self.listeners.join_next() => unexpected_end("a listener", ended.and_then(Result::err)),
            ended = self.admin.join_next() => unexpected_end("admin HTTP", ended.and_then(Result::err)),
            error = first_panic(&mut self.background) => unexpected_end("a background task", Some(error)),
        }
    }

    /// Stops, in this order:
    ///
    /// 1. Health says `NOT_SERVING`, `/readyz` 503, and answers over HTTP/1 `connection: close`. Calls are accepted and
    ///    served for `server.drain_delay` more.
    /// 2. No more connections are accepted, and then every client is told to close its connection. Streams of health
    ///    and reflection end.
    /// 3. Calls in flight may take `server.shutdown_grace`; then they are cancelled.
    /// 4. The last audit records and spans are written, and the admin port closes.
    pub async fn stop(mut self) {
        let [delay, grace] = [self.drain_delay, self.shutdown_grace].map(humantime::format_duration);
        tracing::info!(%delay, %grace, "stopping");
        self.ends.drain.cancel();
        self.readiness.drain().await;
        time::sleep(self.drain_delay).await;
        self.stop_listeners.cancel();
        while self.listeners.join_next().await.is_some() {}
        // Not earlier: clients that are told to close connect again immediately. The system would accept some of these
        // connections, and reset them with their calls when the socket is closed.
        self.ends.stop.cancel();
        self.connections.close(self.shutdown_grace).await;
        close("audit", self.audit.close()).await;
        close("traces", self.traces.shutdown()).await;
        self.stop_admin.cancel();
        let _in_time = time::timeout(ADMIN_LIMIT, self.admin.join_next()).await;
        tracing::info!("stopped");
    }
}

/// Waits for a shutdown step, for [`CLOSE_LIMIT`] at most.
async fn close(closer: &'static str, end: impl Future<Output = ()>) {
    if time::timeout(CLOSE_LIMIT, end).await.is_err() {
        let limit = humantime::format_duration(CLOSE_LIMIT);
        tracing::warn!(closer, %limit, "shutdown step timed out");
    }
}

/// All ports, bound and not served yet.
struct Ports {
    listeners: Vec<Listener>,
    addresses: Vec<BoundAddress>,
    admin: TcpListener,
    admin_addr: SocketAddr,
}

impl Ports {
    async fn bind(config: &Config) -> anyhow::Result<Self> {
        let mut listeners = Vec::new();
        for settings in &config.listeners {
            listeners.push(Listener::bind(settings, config.policy.settle).await?);
        }
        let addresses: Vec<_> = listeners.iter().map(Listener::address).collect::<Result<_, _>>()?;
        let admin_addr = config.server.admin_addr;
        let admin = TcpListener::bind(admin_addr)
            .await
            .map_err(|error| bind_error(error, format_args!("server.admin_addr {admin_addr}")))?;
        let admin_addr = admin.local_addr().context("the admin listener has no address")?;
        for (address, settings) in addresses.iter().zip(&config.listeners) {
            let (proof, tls) = (settings.proof.name(), settings.tls.is_some());
            match settings.protocols {
                Protocols { grpc: true, http } => tracing::info!(%address, proof, tls, http, "serving gRPC"),
                Protocols { grpc: false, .. } => tracing::info!(%address, proof, tls, "serving HTTP"),
            }
        }
        tracing::info!(address = %admin_addr, "serving admin HTTP");
        Ok(Self { listeners, addresses, admin, admin_addr })
    }
}

fn unexpected_end(part: &str, error: Option<JoinError>) -> anyhow::Error {
    match error {
        Some(error) if error.is_panic() => anyhow::anyhow!("{part} failed: it panicked"),
        _ => anyhow::anyhow!("{part} failed: it ended unexpectedly"),
    }
}

/// Some background tasks finish early, which is no failure.
async fn first_panic(tasks: &mut JoinSet<()>) -> JoinError {
    loop {
        match tasks.join_next().await {
            Some(Ok(())) => {}
            Some(Err(error)) => return error,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
