//! TLS of a listener: handshakes, and certificates that change while the server runs.
//!
//! The files are read together and become active together, after they were checked to match: no handshake uses a new
//! certificate with an old key, or an empty or invalid list of authorities.

mod error;
mod files;
mod server_config;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio::{task, time};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

pub(in crate::server) use self::error::TlsError;

use self::files::TlsFiles;
use self::server_config::ProvenConfig;
use crate::calls::Protocols;
use crate::config::TlsSettings;
use crate::server::reload_receiver::ReloadReceiver;
use crate::telemetry::CertificateStatus;
use access_broker_base::clock::{Clock, SystemClock};
use access_broker_base::files::{FilesState, Observation, REREAD_DELAY, Tracker};

/// How much of a connection's answers TLS buffers while the transport accepts nothing, in bytes: one answer and a
/// little.
const TLS_BUFFER_BYTES: usize = 16 * 1_024;

/// The TLS state of a listener.
pub(in crate::server) struct ListenerTls {
    settings: TlsSettings,
    protocols: Protocols,
    in_force: ArcSwap<InForce>,
    /// The observed states of the files. Only one task reads the files; nothing waits for it.
    tracker: Mutex<Tracker>,
    good_reloads: AtomicU64,
    failed_reloads: AtomicU64,
    /// Whether the files, as last read, are the active ones.
    files_in_force: AtomicBool,
}

/// A complete and valid set of files.
struct InForce {
    proven: ProvenConfig,
    since: SystemTime,
}

/// The result of reading the files.
#[derive(Debug, PartialEq, Eq)]
enum Reload {
    Unchanged,
    /// The files changed, and are not stable yet.
    Pending,
    Replaced,
}

impl ListenerTls {
    /// Reads and checks the files. Blocks on the file system; a recently changed file is read a second time.
    ///
    /// # Errors
    ///
    /// The first invalid file, with the reason.
    pub(in crate::server) fn load(
        settings: &TlsSettings,
        protocols: Protocols,
        settle: Duration,
    ) -> Result<Self, TlsError> {
        let files = TlsFiles::read_at_start(settings, settle)?;
        let tracker = Mutex::new(Tracker::new(settle, &files.sights()));
        let in_force = InForce::prove(&files, protocols)?;
        Ok(Self {
            settings: settings.clone(),
            protocols,
            in_force: ArcSwap::from_pointee(in_force),
            tracker,
            good_reloads: AtomicU64::new(0),
            failed_reloads: AtomicU64::new(0),
            files_in_force: AtomicBool::new(true),
        })
    }

    /// Makes the server's side of a handshake with the active files. The client may take the limit for its first
    /// message, and again for the rest.
    ///
    /// One of the handshake slots is taken while the server computes its answer to the client's complete first message,
    /// and not while it waits for data: silent peers take no slot.
    ///
    /// HTTP/2 is the only protocol, unless the listener serves HTTP, and is preferred. A client that offers only others is
    /// refused by the handshake (RFC 7301 section 3.2). A client that offers none is accepted: gRPC libraries offer `h2`, and some require that it is chosen, but
    /// a client with prior knowledge may be simpler than RFC 9113 section 3.3 requires.
    ///
    /// # Errors
    ///
    /// `TimedOut` after the limit, `InvalidData` when the client breaks the protocol or its certificate is missing or
    /// refused, and the connection's own errors.
    pub(super) async fn accept<IO>(&self, io: IO, limit: Duration, places: &Semaphore) -> io::Result<TlsStream<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let client_hello = LazyConfigAcceptor::new(Acceptor::default(), io);
        let client_hello = time::timeout(limit, client_hello).await??;
        let config = Arc::clone(&self.in_force.load().proven.config);
        let rest = async {
            // The semaphore is never closed.
            let place = places.acquire().await.map_err(io::Error::other)?;
            // Concurrent clients find the slots taken and wait, instead of being answered as soon as the runtime polls
            // them: calls run in between.
            task::yield_now().await;
            let mut handshake = client_hello.into_stream(config);
            let answered = poll_fn(|context| Poll::Ready(Pin::new(&mut handshake).poll(context))).await;
            drop(place);
            match answered {
                Poll::Ready(done) => done,
                Poll::Pending => handshake.await,
            }
        };
        let mut stream = time::timeout(limit, rest).await??;
        stream.get_mut().1.set_buffer_limit(Some(TLS_BUFFER_BYTES));
        Ok(stream)
    }

    /// Reads the files regularly, and immediately on a reload request, and makes a changed set active when it is
    /// complete and valid. Never returns.
    ///
    /// A refused set is checked every time, because it may become valid without a change: a certificate's validity
    /// begins.
    pub(in crate::server) async fn watch(self: Arc<Self>, mut reloads: ReloadReceiver) {
        let started = Instant::now();
        let mut reported: Option<TlsError> = None;
        let mut pause = self.settings.reload_interval;
        loop {
            reloads.pause(pause).await;
            let tls = Arc::clone(&self);
            let result = task::spawn_blocking(move || tls.reload(started.elapsed())).await;
            // Reading does not panic; if it did, the set would be invalid.
            let result = result.unwrap_or(Err(TlsError::Interrupted));
            self.files_in_force.store(matches!(result, Ok(Reload::Unchanged | Reload::Replaced)), Ordering::Relaxed);
            pause = self.settings.reload_interval;
            if result == Ok(Reload::Pending) {
                pause = pause.min(REREAD_DELAY);
                continue;
            }
            let refused = result.err();
            if refused != reported {
                match &refused {
                    Some(error) => tracing::error!(%error, "TLS files refused; the last good ones stay active"),
                    None => tracing::info!("TLS files are valid again"),
                }
                reported = refused;
            }
        }
    }

    /// The state of the certificates, for metrics.
    pub(in crate::server) fn status(&self) -> CertificateStatus {
        let in_force = self.in_force.load();
        CertificateStatus {
            loaded_at: in_force.since,
            good_reloads: self.good_reloads.load(Ordering::Relaxed),
            failed_reloads: self.failed_reloads.load(Ordering::Relaxed),
            files_in_force: self.files_in_force.load(Ordering::Relaxed),
            not_after: in_force.proven.not_after,
        }
    }

    /// Reads the files once. `now` is the time since some fixed instant.
    fn reload(&self, now: Duration) -> Result<Reload, TlsError> {
        let result = self.replace_if_changed(now);
        match &result {
            Ok(Reload::Unchanged | Reload::Pending) => {}
            Ok(Reload::Replaced) => {
                self.good_reloads.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {
                self.failed_reloads.fetch_add(1, Ordering::Relaxed);
            }
        }
        result
    }

    fn replace_if_changed(&self, now: Duration) -> Result<Reload, TlsError> {
        let reads = files::read_all(&self.settings);
        let sights: Vec<Observation> = reads.iter().map(Observation::from_read).collect();
        // After a panic the tracker is still usable: the next read updates it completely.
        let mut tracker = self.tracker.lock().unwrap_or_else(PoisonError::into_inner);
        match tracker.observe(&sights, now) {
            FilesState::Active => Ok(Reload::Unchanged),
            FilesState::Pending { .. } => Ok(Reload::Pending),
            FilesState::Usable { .. } => {
                let proven = InForce::prove(&TlsFiles::from_reads(&self.settings, reads)?, self.protocols)?;
                self.in_force.store(Arc::new(proven));
                tracker.accept();
                Ok(Reload::Replaced)
            }
        }
    }
}

impl InForce {
    fn prove(files: &TlsFiles<'_>, protocols: Protocols) -> Result<Self, TlsError> {
        let now = SystemClock.now();
        let proven = ProvenConfig::build(files, protocols, now)?;
        let not_after = humantime::format_rfc3339_seconds(proven.not_after);
        tracing::info!(file = %files.certificate.path.display(), %not_after, "TLS certificate active");
        Ok(Self { proven, since: now })
    }
}

impl fmt::Debug for ListenerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerTls")
            .field("settings", &self.settings)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
