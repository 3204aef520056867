//! The running process: from a proven configuration to listeners, and back down.

mod accept_backoff;
mod admin;
mod assemble;
mod closers;
mod connection;
mod connections;
mod episodes;
mod file_limit;
mod greeting;
mod grpc_server;
mod handshake;
mod http2;
mod ignored_signals;
mod line_budget;
mod listener;
mod own_network;
mod panic_hook;
mod policy_reload;
mod read_turn;
mod readiness;
mod reload_request;
mod self_check;
mod sent_errors;
mod service_manager;
mod signing_credentials;
mod stalled_writes;
mod stop_signals;
mod tls;
mod warnings;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic_health::server::HealthReporter;

pub use closers::Closers;
pub use ignored_signals::IgnoredSignals;
pub use listener::BoundAddress;
pub use panic_hook::log_panics;
pub use readiness::{Part, Readiness, Standing};
pub use reload_request::{ReloadSignal, Reloader};
pub use self_check::{SelfCheck, SelfCheckError};
pub use service_manager::ServiceManager;
pub use stop_signals::{StopSignal, StopSignals};

use self::admin::AdminLimits;
use self::connections::Connections;
use self::grpc_server::Layers;
use self::listener::Listener;
use self::policy_reload::PolicyWatch;
use self::reload_request::ReloadRequests;
use crate::admission::{BudgetLimits, Budgets};
use crate::audit::AuditTrail;
use crate::broker::{DecisionIds, TimeOrderedDecisionIds};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, LimitSettings, LoadedPolicy};
use crate::grpc::HealthService;
use crate::presign::credentials::Environment;
use crate::telemetry::{AdminCounters, LogCounts, ServerCounters, Traces};

/// How long the admin port may take to end. A scrape takes milliseconds.
const ADMIN_LIMIT: Duration = Duration::from_secs(1);

/// What the server takes from the machine.
#[derive(Clone)]
pub struct Surroundings {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The environment variables, for credentials that the configuration names.
    pub environment: Environment,
    /// The ids of decisions.
    pub decision_ids: Arc<dyn DecisionIds>,
    /// Where spans go. The server flushes them when it stops.
    pub traces: Traces,
    /// What was lost of the log, for metrics.
    pub log: Arc<LogCounts>,
}

impl Surroundings {
    /// The machine itself, without traces, and with a log that loses nothing.
    #[must_use]
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            environment: Arc::new(|name| std::env::var(name).ok()),
            decision_ids: Arc::new(TimeOrderedDecisionIds),
            traces: Traces::off(),
            log: Arc::default(),
        }
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}

/// The most that a closer may take; each has a shorter patience of its own.
const CLOSER_LIMIT: Duration = Duration::from_secs(15);

/// A server that has its ports. It answers calls once [`ready`](Self::ready) returns.
///
/// Dropped without [`stop`](Self::stop), it ends at once.
pub struct RunningServer {
    addresses: Vec<BoundAddress>,
    admin_addr: SocketAddr,
    readiness: Readiness,
    counters: Arc<ServerCounters>,
    audit: AuditTrail,
    connections: Connections,
    drain_delay: Duration,
    shutdown_grace: Duration,
    closers: Closers,
    self_check: SelfCheck,
    reloader: Reloader,
    stop_listeners: CancellationToken,
    stop: CancellationToken,
    stop_admin: CancellationToken,
    /// The accept loops; they end with `stop_listeners`.
    listeners: JoinSet<()>,
    /// One task; it ends with `stop_admin`.
    admin: JoinSet<()>,
    /// Refreshes and watches; they end with this value.
    background: JoinSet<()>,
    _ends_connections: DropGuard,
}

impl fmt::Debug for RunningServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningServer").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl RunningServer {
    /// Loads the policy, and starts with it; see [`start_with`](Self::start_with).
    ///
    /// # Errors
    ///
    /// When the policy is not valid, and as `start_with`.
    pub async fn start(config: Config, surroundings: Surroundings) -> anyhow::Result<Self> {
        let loading = config.clone();
        // A large policy takes a second to compile.
        let loaded = task::spawn_blocking(move || loading.load_policy()).await.context("the policy was not loaded")?;
        let loaded = loaded.context("the policy is not valid")?;
        // Its many parts are built one after the other; together they are much to keep in every caller's future.
        Box::pin(Self::start_with(config, loaded, surroundings)).await
    }

    /// Builds every part, and only then binds the ports.
    ///
    /// # Errors
    ///
    /// When a named secret or a certificate cannot be used, or an address cannot be bound.
    pub async fn start_with(config: Config, loaded: LoadedPolicy, surroundings: Surroundings) -> anyhow::Result<Self> {
        let mut limits = config.limits.clone();
        own_network::refuse_node_network(&config.listeners, &surroundings.environment)?;
        let connection_limit = file_limit::fit_into_file_limit(&mut limits);
        let LoadedPolicy { compiled, text, sight, proofs } = loaded;
        let parts = assemble::assemble(&config, compiled, &surroundings).await?;
        let server = &config.server;
        let mut bound = Vec::new();
        for settings in &config.listeners {
            bound.push(Listener::bind(settings, config.policy.settle).await?);
        }
        let addresses: Vec<_> = bound.iter().map(Listener::address).collect::<Result<_, _>>()?;
        let admin_listener = tokio::net::TcpListener::bind(server.admin_addr)
            .await
            .with_context(|| format!("cannot bind server.admin_addr {}", server.admin_addr))?;
        let admin_addr = admin_listener.local_addr().context("the admin listener has no address")?;
        for (address, settings) in addresses.iter().zip(&config.listeners) {
            tracing::info!(%address, proof = settings.proof.name(), tls = settings.tls.is_some(), "serving gRPC");
        }
        tracing::info!(address = %admin_addr, "serving admin HTTP");

        let [stop_listeners, stop, stop_admin, cut] = [(); 4].map(|()| CancellationToken::new());
        let readiness = parts.readiness.clone();
        let health = HealthReporter::new();
        readiness::publish(&health, false).await;

        let mut background = JoinSet::new();
        parts.spawn_refreshes(&mut background);
        let (reload, reloads) = ReloadRequests::channel();
        let watch = PolicyWatch::new(config.policy.settle, text, &sight, &proofs);
        background.spawn(policy_reload::watch(
            config.clone(),
            Arc::clone(&parts.policy),
            watch,
            parts.policy_follower(),
            reloads.clone(),
        ));
        background.spawn(readiness.clone().watch(health.clone()));

        let counters = Arc::new(ServerCounters::default());
        let budgets = budgets(&config.limits);
        let service = grpc_server::service(
            parts.broker_service(config.sole_bucket().cloned()),
            HealthService::new(health),
            server.reflection,
            Layers {
                access_log: parts.access_log_layer(),
                authentication: parts.authentication_layer(&surroundings, &budgets, &counters.calls),
                limits: limits.clone(),
                places: Arc::clone(&budgets.places),
                message_memory: Arc::clone(&budgets.message_memory),
                counters: Arc::clone(&counters.calls),
                stop: stop.clone(),
            },
        )?;
        let admin_limits = AdminLimits::from(&limits);
        let self_check = SelfCheck::new(service.clone(), &limits);
        let streams = budgets.streams.clone();
        let connections = Connections::new(service, limits, streams, Arc::clone(&counters), stop.clone(), cut.clone());
        background.spawn(connections.clone().watch_deliveries());
        let certificates = bound.iter().zip(&addresses).filter_map(|(listener, address)| listener.certificate(address));
        let admin_counters = Arc::new(AdminCounters::default());
        let metrics = parts.metrics(certificates.collect(), &counters, &budgets, &admin_counters, connection_limit);
        let mut listeners = JoinSet::new();
        for listener in bound {
            if let Some(tls) = listener.tls() {
                background.spawn(Arc::clone(tls).watch(reloads.clone()));
            }
            listeners.spawn(listener.run(connections.clone(), stop_listeners.clone()));
        }
        let mut admin = JoinSet::new();
        let routes = admin::routes(readiness.clone(), metrics);
        admin.spawn(admin::serve(admin_listener, routes, admin_limits, admin_counters, stop_admin.clone()));
        let (closers, audit) = (Closers::default(), parts.audit.clone());
        closers.add("audit", CLOSER_LIMIT, async move { audit.close().await });
        let traces = surroundings.traces.clone();
        closers.add("traces", CLOSER_LIMIT, async move { traces.shutdown().await });
        Ok(Self {
            addresses,
            admin_addr,
            readiness,
            counters,
            audit: parts.audit.clone(),
            connections,
            drain_delay: server.drain_delay,
            shutdown_grace: server.shutdown_grace,
            closers,
            self_check,
            reloader: Reloader { key_rings: parts.key_rings(), credentials: parts.credential_caches(), files: reload },
            stop_listeners,
            stop,
            stop_admin,
            listeners,
            admin,
            background,
            _ends_connections: cut.drop_guard(),
        })
    }

    /// Where gRPC is served, in the order of the configuration.
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

    /// Where `/livez`, `/readyz` and `/metrics` are served.
    #[must_use]
    pub const fn admin_addr(&self) -> SocketAddr {
        self.admin_addr
    }

    /// What the server waits for, or does without.
    #[must_use]
    pub const fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Where decisions are recorded.
    #[must_use]
    pub const fn audit(&self) -> &AuditTrail {
        &self.audit
    }

    /// Returns once health says SERVING; see [`Standing`].
    pub async fn ready(&self) {
        self.readiness.ready().await;
    }

    /// What happened to connections and calls.
    #[must_use]
    pub const fn counters(&self) -> &Arc<ServerCounters> {
        &self.counters
    }

    /// What asks the server through its own HTTP/2 and layers whether it answers.
    #[must_use]
    pub const fn self_check(&self) -> &SelfCheck {
        &self.self_check
    }

    /// Reads anew what the server reads from outside; see [`Reloader::reload`].
    pub fn reload(&self) {
        self.reloader.reload();
    }

    /// What reloads, for tasks beside the server.
    #[must_use]
    pub const fn reloader(&self) -> &Reloader {
        &self.reloader
    }

    /// What shall be closed at the end of [`stop`](Self::stop), when the last call has ended.
    #[must_use]
    pub const fn closers(&self) -> &Closers {
        &self.closers
    }

    /// Returns when a part that the server cannot do without has ended though nobody stopped it, and tells which. The
    /// server should then be stopped, and the process end.
    pub async fn failed(&mut self) -> anyhow::Error {
        tokio::select! {
            ended = self.listeners.join_next() => unexpected_end("a listener", ended.and_then(Result::err)),
            ended = self.admin.join_next() => unexpected_end("admin HTTP", ended.and_then(Result::err)),
            error = first_panic(&mut self.background) => unexpected_end("a background task", Some(error)),
        }
    }

    /// Stops, in this order:
    ///
    /// 1. Health says `NOT_SERVING` and `/readyz` 503. Calls are accepted and served for `server.drain_delay` more.
    /// 2. No connection is accepted any more, and then every client is told to leave. Streams of health and reflection
    ///    end.
    /// 3. Calls in flight may take `server.shutdown_grace`; then they are cut off.
    /// 4. The [closers](Self::closers) run, and the admin port closes.
    pub async fn stop(mut self) {
        tracing::info!(delay = ?self.drain_delay, grace = ?self.shutdown_grace, "stopping");
        self.readiness.drain().await;
        time::sleep(self.drain_delay).await;
        self.stop_listeners.cancel();
        while self.listeners.join_next().await.is_some() {}
        // Not before: clients that are told to leave connect again at once. The system would accept some of these
        // connections and reset them when the socket is closed, with the calls that have been sent by then.
        self.stop.cancel();
        self.connections.close(self.shutdown_grace).await;
        self.closers.run().await;
        self.stop_admin.cancel();
        let _in_time = time::timeout(ADMIN_LIMIT, self.admin.join_next()).await;
        tracing::info!("stopped");
    }
}

/// The budgets that the settings give.
fn budgets(limits: &LimitSettings) -> Budgets {
    Budgets::new(BudgetLimits {
        streams: limits.max_streams.into(),
        unproven_streams: limits.max_unproven_streams as usize,
        unproven_streams_per_connection: limits.max_unproven_streams_per_connection as usize,
        places: limits.max_calls_in_flight.into(),
        message_memory: limits.request_memory,
        signature_checks: limits.signature_checks as usize,
    })
}

fn unexpected_end(part: &str, error: Option<JoinError>) -> anyhow::Error {
    match error {
        Some(error) if error.is_panic() => anyhow::anyhow!("{part} has panicked"),
        _ => anyhow::anyhow!("{part} has ended"),
    }
}

/// Some background tasks have nothing left to do, and end well.
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
