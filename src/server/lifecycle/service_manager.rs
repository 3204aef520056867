//! Notifications to systemd for services of `Type=notify` or `Type=notify-reload` (`sd_notify(3)`). Without
//! `NOTIFY_SOCKET` nothing is sent.

use std::env;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::Semaphore;
use tokio::{task, time};

use super::readiness::Readiness;
use super::self_check::SelfCheck;
use super::server_state::ServerState;

/// The time limit for sending a message. It is never slow in practice, and must not delay a stop.
const LIMIT: Duration = Duration::from_secs(1);

/// The number of watchdog messages per watchdog period: one late message does not end the process.
const WATCHDOG_PARTS: u32 = 3;

/// The service manager, if there is one. Clones share everything. A failed notification is no failure of the server:
/// the manager has its own time limits.
#[derive(Debug, Clone)]
pub(crate) struct ServiceManager(Option<Arc<Manager>>);

#[derive(Debug)]
struct Manager {
    /// The watchdog period, if the manager has a watchdog.
    watchdog: Option<Duration>,
    /// One message at a time: they have an order, and if the manager reads none, only one thread is blocked.
    sending: Arc<Semaphore>,
    is_ready: AtomicBool,
    /// Whether the last message failed, which was logged.
    is_failing: AtomicBool,
}

impl ServiceManager {
    /// The manager that the environment names: `NOTIFY_SOCKET`, and for the watchdog `WATCHDOG_USEC` and `WATCHDOG_PID`.
    #[must_use]
    pub(crate) fn from_environment() -> Self {
        let manager = || Manager {
            watchdog: sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()),
            sending: Arc::new(Semaphore::new(1)),
            is_ready: AtomicBool::new(false),
            is_failing: AtomicBool::new(false),
        };
        Self(env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty()).map(|_| Arc::new(manager())))
    }

    /// Reports a step of the start.
    pub(crate) async fn starting(&self, step: &'static str) {
        self.notify(vec![status(format!("starting: {step}"))]).await;
    }

    /// Reports when the server serves for the first time, and each change of its state. Returns when the server is
    /// about to stop.
    pub(crate) async fn report_state(self, readiness: Readiness) {
        let Self(Some(manager)) = &self else { return };
        let mut reported = readiness.subscribe();
        loop {
            let state = reported.borrow_and_update().clone();
            if state == ServerState::Stopping {
                return;
            }
            let becomes_ready = state.is_serving() && !manager.is_ready.load(Ordering::Relaxed);
            let text = status(state.to_string());
            self.notify(if becomes_ready { vec![Message::Ready, text] } else { vec![text] }).await;
            manager.is_ready.fetch_or(state.is_serving(), Ordering::Relaxed);
            if reported.changed().await.is_err() {
                return;
            }
        }
    }

    /// Reports the start of a reload, unless the server is still starting.
    pub(crate) async fn reloading(&self) {
        if self.is_ready() {
            self.notify(vec![Message::Reloading]).await;
        }
    }

    /// Reports the end of a reload.
    pub(crate) async fn reloaded(&self) {
        if self.is_ready() {
            self.notify(vec![Message::Ready]).await;
        }
    }

    /// Reports that the service stops.
    pub(crate) async fn stopping(&self) {
        if let Self(Some(manager)) = self {
            // A reload that comes now is not reported: it would end in READY=1.
            manager.is_ready.store(false, Ordering::Relaxed);
        }
        self.notify(vec![Message::Stopping, status("stopping: no new calls after the drain delay".to_owned())]).await;
    }

    /// Checks the server several times per watchdog period, and reports each success. Never returns with a watchdog;
    /// returns immediately without.
    pub(crate) async fn watch(self, check: SelfCheck) {
        let Some(limit) = self.0.as_ref().and_then(|manager| manager.watchdog) else { return };
        let interval = (limit / WATCHDOG_PARTS).max(Duration::from_millis(1));
        let mut turns = time::interval(interval);
        turns.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let mut is_silent = false;
        loop {
            turns.tick().await;
            match check.call(interval).await {
                Ok(()) => {
                    self.notify(vec![Message::Watchdog]).await;
                    is_silent = false;
                }
                Err(error) if !is_silent => {
                    tracing::warn!(%error, "self-check failed: systemd's watchdog is not notified");
                    is_silent = true;
                }
                Err(_) => {}
            }
        }
    }

    fn is_ready(&self) -> bool {
        self.0.as_ref().is_some_and(|manager| manager.is_ready.load(Ordering::Relaxed))
    }

    async fn notify(&self, messages: Vec<Message>) {
        let Self(Some(manager)) = self else { return };
        let send = async {
            let turn = Arc::clone(&manager.sending).acquire_owned().await;
            // The socket is blocking. The permit is held until the message is sent, so that only one thread is blocked
            // if the manager reads nothing.
            let sent = task::spawn_blocking(move || {
                let _turn = turn;
                send(&messages)
            });
            sent.await
        };
        let problem = match time::timeout(LIMIT, send).await {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(error))) => Some(error.to_string()),
            Ok(Err(_)) | Err(_) => Some("systemd did not read the notification".to_owned()),
        };
        let was_failing = manager.is_failing.swap(problem.is_some(), Ordering::Relaxed);
        if let Some(error) = problem.filter(|_| !was_failing) {
            tracing::warn!(error, "notifying systemd failed");
        }
    }
}

/// A part of a notification.
#[derive(Debug)]
enum Message {
    Ready,
    Reloading,
    Stopping,
    Watchdog,
    Status(String),
}

fn status(text: String) -> Message {
    Message::Status(text)
}

fn send(messages: &[Message]) -> std::io::Result<()> {
    let mut states = Vec::with_capacity(messages.len() + 1);
    for message in messages {
        match message {
            Message::Ready => states.push(NotifyState::Ready),
            // By this time the manager distinguishes the messages before the reload from those after it.
            Message::Reloading => states.extend([NotifyState::Reloading, NotifyState::monotonic_usec_now()?]),
            Message::Stopping => states.push(NotifyState::Stopping),
            Message::Watchdog => states.push(NotifyState::Watchdog),
            Message::Status(text) => states.push(NotifyState::Status(text)),
        }
    }
    let path = env::var_os("NOTIFY_SOCKET").unwrap_or_default();
    // The library takes every name for a path.
    match path.as_encoded_bytes().strip_prefix(b"@") {
        Some(name) => send_to_abstract_socket(name, &states),
        None => sd_notify::notify(&states),
    }
}

/// A name that begins with `@` is an abstract name of Linux, not a path (`sd_notify(3)`).
fn send_to_abstract_socket(name: &[u8], states: &[NotifyState<'_>]) -> std::io::Result<()> {
    let lines = states.iter().fold(String::new(), |lines, state| lines + &state.to_string() + "\n");
    let address = SocketAddr::from_abstract_name(name)?;
    UnixDatagram::unbound()?.send_to_addr(lines.as_bytes(), &address).map(drop)
}
