//! The running process: from a proven configuration to listeners, and back down.

mod admin;
mod assemble;
mod grpc_listener;
mod policy_reload;
mod readiness;
mod shutdown_signal;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;

pub use readiness::{Missing, Readiness};
pub use shutdown_signal::shutdown_signal;

use crate::broker::{DecisionIds, TimeOrderedDecisionIds};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::presign::credentials::Environment;

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
    grpc_addr: SocketAddr,
    admin_addr: SocketAddr,
    readiness: Readiness,
    stop: CancellationToken,
    shutdown_grace: Duration,
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
    /// When the policy is not valid, a named secret cannot be read, or a port cannot be bound.
    pub async fn start(config: Config, surroundings: Surroundings) -> anyhow::Result<Self> {
        let parts = assemble::assemble(&config, &surroundings).await?;
        let server = &config.server;
        let incoming = TcpIncoming::bind(server.grpc_addr)
            .with_context(|| format!("cannot bind server.grpc_addr {}", server.grpc_addr))?
            .with_nodelay(Some(true));
        let grpc_addr = incoming.local_addr().context("the gRPC listener has no address")?;
        let admin_listener = tokio::net::TcpListener::bind(server.admin_addr)
            .await
            .with_context(|| format!("cannot bind server.admin_addr {}", server.admin_addr))?;
        let admin_addr = admin_listener.local_addr().context("the admin listener has no address")?;
        tracing::info!(%grpc_addr, %admin_addr, "listening");

        let stop = CancellationToken::new();
        let readiness = parts.readiness.clone();
        let (health_reporter, health_service) = tonic_health::server::health_reporter();
        readiness::publish(&health_reporter, false).await;

        let mut background = JoinSet::new();
        parts.spawn_refreshes(&mut background);
        background.spawn(policy_reload::watch(config.clone(), Arc::clone(&parts.policy)));
        background.spawn(readiness.clone().watch(health_reporter));
        let grpc = tokio::spawn(grpc_listener::serve(
            incoming,
            parts.broker_service(config.sole_bucket().cloned()),
            parts.authentication_layer(&surroundings),
            health_service,
            grpc_listener::reflection(server.reflection)?,
            grpc_listener::reflection_v1alpha(server.reflection)?,
            stop.clone(),
        ));
        let admin = tokio::spawn(admin::serve(admin_listener, readiness.clone(), stop.clone()));
        Ok(Self {
            grpc_addr,
            admin_addr,
            readiness,
            stop,
            shutdown_grace: server.shutdown_grace,
            grpc,
            admin,
            _background: background,
        })
    }

    /// Where gRPC is served.
    #[must_use]
    pub const fn grpc_addr(&self) -> SocketAddr {
        self.grpc_addr
    }

    /// Where `/livez` and `/readyz` are served.
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

    /// Stops: health says NOT_SERVING, nothing new is accepted, calls in flight finish, and what is left after the
    /// grace is cut off.
    pub async fn stop(self) {
        tracing::info!(grace = ?self.shutdown_grace, "stopping");
        self.readiness.drain().await;
        self.stop.cancel();
        let (grpc_abort, admin_abort) = (self.grpc.abort_handle(), self.admin.abort_handle());
        let drained = async {
            let _ended = tokio::join!(self.grpc, self.admin);
        };
        if time::timeout(self.shutdown_grace, drained).await.is_err() {
            tracing::warn!("connections were still open after the grace and are cut off");
            grpc_abort.abort();
            admin_abort.abort();
        }
        tracing::info!("stopped");
    }
}
