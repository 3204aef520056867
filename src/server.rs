//! The running process: from a proven configuration to listeners, and back down.

mod admin;
mod assemble;
mod connection;
mod grpc_server;
mod listener;
mod policy_reload;
mod readiness;
mod shutdown_signal;
mod signing_credentials;
mod tls;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time;
use tokio_util::sync::CancellationToken;

pub use listener::BoundAddress;
pub use readiness::{Missing, Readiness};
pub use shutdown_signal::shutdown_signal;

use self::listener::Listener;
use crate::broker::{DecisionIds, TimeOrderedDecisionIds};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::presign::credentials::Environment;

/// Connections that have shaken hands and wait to be served. Few, because each is served at once.
const WAITING_CONNECTIONS: usize = 64;

/// What the server takes from the machine.
#[derive(Clone)]
pub struct Surroundings {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The environment variables, for credentials that the configuration names.
    pub environment: Environment,
    /// The ids of decisions.
    pub decision_ids: Arc<dyn DecisionIds>,
}

impl Surroundings {
    /// The machine itself.
    #[must_use]
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            environment: Arc::new(|name| std::env::var(name).ok()),
            decision_ids: Arc::new(TimeOrderedDecisionIds),
        }
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}

/// A server that has its ports. It answers calls once [`ready`](Self::ready) returns.
#[derive(Debug)]
pub struct RunningServer {
    addresses: Vec<BoundAddress>,
    admin_addr: SocketAddr,
    readiness: Readiness,
    stop: CancellationToken,
    shutdown_grace: Duration,
    listeners: JoinSet<()>,
    grpc: JoinHandle<Result<(), tonic::transport::Error>>,
    admin: JoinHandle<std::io::Result<()>>,
    /// Refreshes and watches; they end with this value.
    _background: JoinSet<()>,
}

impl RunningServer {
    /// Proves the policy, builds every part, and only then binds the ports.
    ///
    /// # Errors
    ///
    /// When the policy is not valid, a named secret or a certificate cannot be used, or an address cannot be bound.
    pub async fn start(config: Config, surroundings: Surroundings) -> anyhow::Result<Self> {
        let parts = assemble::assemble(&config, &surroundings).await?;
        let server = &config.server;
        let mut bound = Vec::new();
        for settings in &config.listeners {
            bound.push(Listener::bind(settings).await?);
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

        let stop = CancellationToken::new();
        let readiness = parts.readiness.clone();
        let (health_reporter, health_service) = tonic_health::server::health_reporter();
        readiness::publish(&health_reporter, false).await;

        let mut background = JoinSet::new();
        parts.spawn_refreshes(&mut background);
        let watch = policy_reload::watch(config.clone(), Arc::clone(&parts.policy), parts.policy_follower());
        background.spawn(watch);
        background.spawn(readiness.clone().watch(health_reporter));
        let (accepted, connections) = mpsc::channel(WAITING_CONNECTIONS);
        let mut listeners = JoinSet::new();
        for listener in bound {
            if let Some(tls) = listener.tls() {
                background.spawn(Arc::clone(tls).watch());
            }
            listeners.spawn(listener.run(accepted.clone()));
        }
        let grpc = tokio::spawn(grpc_server::serve(
            connections,
            parts.broker_service(config.sole_bucket().cloned()),
            parts.authentication_layer(&surroundings),
            health_service,
            grpc_server::reflection(server.reflection)?,
            grpc_server::reflection_v1alpha(server.reflection)?,
            stop.clone(),
        ));
        let admin = tokio::spawn(admin::serve(admin_listener, readiness.clone(), parts.metrics(), stop.clone()));
        Ok(Self {
            addresses,
            admin_addr,
            readiness,
            stop,
            shutdown_grace: server.shutdown_grace,
            listeners,
            grpc,
            admin,
            _background: background,
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

    /// What the server still waits for.
    #[must_use]
    pub const fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Returns once keys and credentials are there and health says SERVING.
    pub async fn ready(&self) {
        self.readiness.ready().await;
    }

    /// Stops: health says NOT_SERVING, nothing new is accepted, calls in flight finish. Connections that are left after
    /// the grace are no longer waited for: they end with the runtime.
    pub async fn stop(self) {
        tracing::info!(grace = ?self.shutdown_grace, "stopping");
        self.readiness.drain().await;
        self.stop.cancel();
        let (grpc_abort, admin_abort) = (self.grpc.abort_handle(), self.admin.abort_handle());
        let drained = async {
            let _ended = tokio::join!(self.grpc, self.admin, self.listeners.join_all());
        };
        if time::timeout(self.shutdown_grace, drained).await.is_err() {
            tracing::warn!("connections were still open after the grace and are not waited for");
            grpc_abort.abort();
            admin_abort.abort();
        }
        tracing::info!("stopped");
    }
}
