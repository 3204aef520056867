//! All connections: their limits, and their common end.

mod connection;
mod delivery;
mod greeting;
pub(super) mod handshake;
mod http1;
mod http2;
mod lifetime;
mod line_budget;
pub(super) mod log_throttle;
mod open_call;
mod read_turn;
mod request_body;
mod sent_errors;
mod shared;
mod stalled_writes;
pub(super) mod tls;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::connection::Connection;
use self::greeting::Greeting;
use self::handshake::{Accepted, PeerLimits, Requirements};
use self::line_budget::LineBudget;
use self::sent_errors::SentErrors;
use self::shared::{CLOSE_GRACE, RefusalThrottles, Shared};
use super::services::CallService;
use crate::admission::{
    AddressBlock, AddressCap, AddressShare, ConnectionCaps, ConnectionEntry, ConnectionLedger, ConnectionRefusal,
    ConnectionSlot, StreamBudgets,
};
use crate::config::LimitSettings;
use crate::telemetry::ServerCounters;

/// How long cancelled calls may take to write their access lines.
const CUT_LIMIT: Duration = Duration::from_secs(1);

/// The connections of a server. Clones share everything.
#[derive(Clone)]
pub(super) struct Connections(Arc<Shared>);

/// What ends connections, one after the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Ends {
    /// Cancelled when the server begins to drain.
    pub(super) drain: CancellationToken,
    /// Cancelled when every client is told to leave.
    pub(super) stop: CancellationToken,
    /// Cancelled when every connection must close immediately.
    pub(super) cut: CancellationToken,
}

impl Connections {
    pub(super) fn new(
        service: CallService,
        limits: LimitSettings,
        streams: StreamBudgets,
        counters: Arc<ServerCounters>,
        ends: Ends,
    ) -> Self {
        let Ends { drain, stop, cut } = ends;
        let ledger = ConnectionLedger::new(ConnectionCaps {
            total: limits.max_connections as usize,
            unproven: limits.max_unproven_connections as usize,
            per_address: limits.max_connections_per_address as usize,
        });
        Self(Arc::new(Shared {
            service,
            sent_errors: SentErrors::new(Arc::clone(&counters)),
            counters,
            streams,
            tasks: TaskTracker::new(),
            drain,
            stop,
            cut,
            ledger,
            handshakes: Semaphore::new(limits.max_handshakes as usize),
            handshakes_by_address: AddressCap::new(limits.max_handshakes_per_address as usize),
            throttles: RefusalThrottles::default(),
            failed_handshakes: LineBudget::default(),
            limits,
        }))
    }

    /// Serves an accepted connection in a separate task, if there is a slot for it; otherwise closes it, so that its
    /// client can try another server instead of waiting in the backlog.
    pub(super) fn admit(&self, accepted: Accepted, requirements: Requirements) {
        let Some(admitted) = self.take_places(&accepted, &requirements) else { return };
        let this = self.clone();
        self.0.tasks.spawn(async move {
            let Admitted { slot, handshake, counted: _counted } = admitted;
            let (peer, entry) = (accepted.peer(), Arc::clone(slot.entry()));
            match this.shake_hands(accepted, requirements, &entry).await {
                Some(Ok(connection)) => {
                    drop(handshake);
                    this.greet_and_serve(connection, &entry).await;
                }
                Some(Err(error)) => {
                    this.0.counters.handshakes_failed.add_one();
                    if this.0.failed_handshakes.admit(Instant::now()) {
                        handshake::log_failure(&error, peer);
                    }
                }
                None => {}
            }
            drop(slot);
        });
    }

    /// Returns when another connection may be accepted.
    pub(super) async fn ready_for_another(&self) {
        self.0.ledger.few_are_ending().await;
    }

    /// Closes connections whose clients leave answers unread for too long. Never returns.
    pub(super) async fn watch_deliveries(self) {
        let Self(shared) = self;
        let mut steps = time::interval(shared.limits.delivery_timeout / ConnectionLedger::STEPS);
        steps.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            steps.tick().await;
            shared.ledger.step();
        }
    }

    pub(super) fn counters(&self) -> &ServerCounters {
        &self.0.counters
    }

    /// Waits until every connection and every call has ended, and cancels the remaining ones after the grace. Before,
    /// the listeners must have ended and the shared token must have told clients to leave.
    pub(super) async fn close(&self, grace: Duration) {
        let Shared { tasks, cut, .. } = &*self.0;
        tasks.close();
        if time::timeout(grace, tasks.wait()).await.is_err() {
            tracing::warn!("shutdown grace expired: calls in flight are cancelled");
            cut.cancel();
            let _in_time = time::timeout(CUT_LIMIT, tasks.wait()).await;
        }
    }

    /// Takes the slots of a connection. If a limit is reached, counts and logs the refusal.
    fn take_places(&self, accepted: &Accepted, requirements: &Requirements) -> Option<Admitted> {
        let Shared { ledger, handshakes_by_address, counters, limits, throttles, .. } = &*self.0;
        let is_shared = |address: IpAddr| limits.is_shared(address) || requirements.is_trusted_proxy_of_pod(accepted);
        let capped = accepted.peer().map(|peer| peer.ip()).filter(|address| !is_shared(*address));
        let handshake = match capped.filter(|_| requirements.tls.is_some()) {
            Some(address) => {
                let Some(share) = handshakes_by_address.take(AddressBlock::containing(address)) else {
                    counters.connections_refused_handshakes.add_one();
                    throttles.handshakes.log_refusal(capped, "limits.max_handshakes_per_address");
                    return None;
                };
                Some(share)
            }
            None => None,
        };
        match ledger.take(capped) {
            Ok(slot) => Some(Admitted { slot, handshake, counted: CountedConnection::new(counters) }),
            Err(ConnectionRefusal::Total) => {
                counters.connections_refused.add_one();
                throttles.total.log_refusal(accepted.peer().map(|peer| peer.ip()), "limits.max_connections");
                None
            }
            Err(ConnectionRefusal::Address) => {
                counters.connections_refused_address.add_one();
                throttles.address.log_refusal(capped, "limits.max_connections_per_address");
                None
            }
        }
    }

    /// `None` if the connection had to close meanwhile.
    async fn shake_hands(
        &self,
        accepted: Accepted,
        requirements: Requirements,
        entry: &ConnectionEntry,
    ) -> Option<io::Result<Connection>> {
        let Shared { limits, handshakes, .. } = &*self.0;
        let limits = PeerLimits { handshake: limits.handshake_timeout, delivery: limits.delivery_timeout };
        self.while_open(entry, handshake::shake_hands(accepted, requirements, handshakes, limits)).await
    }

    /// Serves a client by the protocol that it speaks, if the listener serves it.
    ///
    /// The HTTP/2 library has no time limit for the first bytes, and pings a silent peer only after the preface:
    /// without a limit here, any peer could hold sockets for ever.
    async fn greet_and_serve(&self, connection: Connection, entry: &Arc<ConnectionEntry>) {
        let Shared { limits, counters, .. } = &*self.0;
        let peer = connection.info().peer.ip();
        let heard = self.while_open(entry, greeting::hear(connection, limits.handshake_timeout)).await;
        let Some(heard) = heard else { return };
        let peer = peer.map(tracing::field::display);
        match heard {
            Ok(Greeting::Http2(connection)) => http2::serve(connection, entry, &self.0).await,
            Ok(Greeting::Http1(connection)) => http1::serve(connection, entry, &self.0).await,
            Ok(Greeting::Http1Refused(client)) => {
                counters.http1_clients.add_one();
                tracing::debug!(
                    peer,
                    "connection refused: the client speaks HTTP/1 and this port serves gRPC over HTTP/2"
                );
                let _refused_or_ended = self.while_open(entry, client.refuse()).await;
            }
            Ok(Greeting::Neither) => {
                counters.not_http.add_one();
                tracing::debug!(peer, "connection refused: the client speaks neither HTTP/2 nor HTTP/1");
            }
            Err(error) => tracing::debug!(peer, %error, "connection failed before HTTP/2 started"),
        }
    }

    /// Runs a step of a connection. `None` if the connection had to close meanwhile.
    async fn while_open<D: Future>(&self, entry: &ConnectionEntry, doing: D) -> Option<D::Output> {
        let Shared { stop, cut, .. } = &*self.0;
        let stopped = async {
            stop.cancelled().await;
            time::sleep(CLOSE_GRACE).await;
        };
        tokio::select! {
            done = doing => Some(done),
            why = entry.ended() => {
                self.0.note_end(why);
                None
            }
            () = stopped => None,
            () = cut.cancelled() => None,
        }
    }
}

/// The slots of a connection.
struct Admitted {
    slot: ConnectionSlot,
    /// Its slot among the handshakes of its address, until its handshake is complete.
    handshake: Option<AddressShare>,
    counted: CountedConnection,
}

/// Counts a connection in metrics, from its admission to its end.
struct CountedConnection(Arc<ServerCounters>);

impl CountedConnection {
    fn new(counters: &Arc<ServerCounters>) -> Self {
        counters.connections_accepted.add_one();
        Self(Arc::clone(counters))
    }
}

impl Drop for CountedConnection {
    fn drop(&mut self) {
        self.0.connections_closed.add_one();
    }
}
