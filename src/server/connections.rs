//! All connections: how many there may be, and how they end together.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use super::grpc_server::GrpcService;
use super::handshake::{self, Accepted, Terms};
use super::http2;
use crate::config::LimitSettings;
use crate::telemetry::ServerCounters;

/// How long a client that has nothing in flight may take to leave once it was told to: a round trip and a little. Peers
/// that are gone without a word never leave.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);

/// How long what was cut off may take to write its lines to the log.
const CUT_LIMIT: Duration = Duration::from_secs(1);

/// What all connections share. Clones are the same.
#[derive(Clone)]
pub(super) struct Connections(Arc<Shared>);

pub(super) struct Shared {
    pub(super) service: GrpcService,
    pub(super) limits: LimitSettings,
    pub(super) counters: Arc<ServerCounters>,
    /// Connections, and the calls on them.
    pub(super) tasks: TaskTracker,
    /// Every client is told to leave.
    pub(super) stop: CancellationToken,
    /// Nobody is waited for any longer.
    pub(super) cut: CancellationToken,
    slots: Arc<Semaphore>,
    handshakes: Semaphore,
}

impl Connections {
    pub(super) fn new(
        service: GrpcService,
        limits: LimitSettings,
        counters: Arc<ServerCounters>,
        stop: CancellationToken,
        cut: CancellationToken,
    ) -> Self {
        let (slots, handshakes) = (limits.max_connections as usize, limits.max_handshakes as usize);
        Self(Arc::new(Shared {
            service,
            limits,
            counters,
            tasks: TaskTracker::new(),
            stop,
            cut,
            slots: Arc::new(Semaphore::new(slots)),
            handshakes: Semaphore::new(handshakes),
        }))
    }

    /// Serves an accepted connection in a task of its own, if there is a place for it. Otherwise closes it at once: its
    /// client can then try another server, which it would not while it waits unheard in the backlog.
    pub(super) fn admit(&self, accepted: Accepted, terms: Terms) {
        let Self(shared) = self;
        let Some(place) = Place::take(shared) else {
            shared.counters.connections_refused.add_one();
            tracing::debug!(peer = accepted.peer().map(tracing::field::display), "no place for a connection");
            return;
        };
        let shared = Arc::clone(shared);
        shared.tasks.clone().spawn(async move {
            let _place = place;
            let peer = accepted.peer();
            match shared.shake_hands(accepted, terms).await {
                Some(Ok(connection)) => http2::serve(connection, &shared).await,
                Some(Err(error)) => {
                    shared.counters.handshakes_failed.add_one();
                    handshake::log_failure(&error, peer);
                }
                None => {}
            }
        });
    }

    pub(super) fn counters(&self) -> &ServerCounters {
        &self.0.counters
    }

    /// Returns once the server stops.
    pub(super) async fn stopping(&self) {
        self.0.stop.cancelled().await;
    }

    /// Waits until every connection and every call has ended. After the grace, cuts off what is left. The listeners must
    /// have ended, and clients have been told to leave, by the token that both share.
    pub(super) async fn close(&self, grace: Duration) {
        let Shared { tasks, cut, .. } = &*self.0;
        tasks.close();
        if time::timeout(grace, tasks.wait()).await.is_err() {
            tracing::warn!("calls were still in flight after the grace and are cut off");
            cut.cancel();
            let _in_time = time::timeout(CUT_LIMIT, tasks.wait()).await;
        }
    }
}

impl Shared {
    /// `None` if the server stopped in the middle of it.
    async fn shake_hands(&self, accepted: Accepted, terms: Terms) -> Option<io::Result<Connection>> {
        let stopped = async {
            self.stop.cancelled().await;
            time::sleep(FAREWELL).await;
        };
        tokio::select! {
            done = handshake::shake_hands(accepted, terms, &self.handshakes, self.limits.handshake_timeout) => Some(done),
            () = stopped => None,
            () = self.cut.cancelled() => None,
        }
    }
}

/// A connection's place among `limits.max_connections`, given back when it is dropped.
struct Place {
    counters: Arc<ServerCounters>,
    _slot: OwnedSemaphorePermit,
}

impl Place {
    fn take(shared: &Shared) -> Option<Self> {
        let slot = Arc::clone(&shared.slots).try_acquire_owned().ok()?;
        shared.counters.connections_accepted.add_one();
        Some(Self { counters: Arc::clone(&shared.counters), _slot: slot })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.counters.connections_closed.add_one();
    }
}
