//! TLS of a listener: handshakes, and certificates that change while the server runs.
//!
//! The files are read together and take effect together, once they are proven to fit: no handshake sees a new
//! certificate with an old key, or a list of authorities that is empty or broken.

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
use crate::config::TlsSettings;
use crate::server::reload_requests::ReloadRequests;
use crate::telemetry::CertificateStatus;
use access_broker_base::clock::{Clock, SystemClock};
use access_broker_base::files::{FilesState, Observation, REREAD_DELAY, Tracker};

/// What TLS keeps of a connection's answers while the transport takes nothing, in bytes: an answer and a little.
const TLS_BUFFER_BYTES: usize = 16 * 1_024;

/// What a listener does its handshakes with.
pub(in crate::server) struct ListenerTls {
    settings: TlsSettings,
    in_force: ArcSwap<InForce>,
    /// What was seen of the files. One task looks at them; nothing waits for it.
    tracker: Mutex<Tracker>,
    good_reloads: AtomicU64,
    failed_reloads: AtomicU64,
    /// Whether the last look found the files that are in force.
    files_in_force: AtomicBool,
}

/// A set of files that was complete and good when it was read.
struct InForce {
    proven: ProvenConfig,
    since: SystemTime,
}

/// What a look at the files found.
#[derive(Debug, PartialEq, Eq)]
enum Reload {
    Unchanged,
    /// Something that does not count yet.
    Pending,
    Replaced,
}

impl ListenerTls {
    /// Reads the files and proves that they fit together. Blocks on the file system, and where a file is young, for a
    /// second read.
    ///
    /// # Errors
    ///
    /// The first file that cannot be used, and why.
    pub(in crate::server) fn load(settings: &TlsSettings, settle: Duration) -> Result<Self, TlsError> {
        let files = TlsFiles::read_at_start(settings, settle)?;
        let tracker = Mutex::new(Tracker::new(settle, &files.sights()));
        let in_force = InForce::prove(&files)?;
        Ok(Self {
            settings: settings.clone(),
            in_force: ArcSwap::from_pointee(in_force),
            tracker,
            good_reloads: AtomicU64::new(0),
            failed_reloads: AtomicU64::new(0),
            files_in_force: AtomicBool::new(true),
        })
    }

    /// Does the server's side of a handshake, with the files that are in force now. The client may take as long as the
    /// limit for its first message, and as long again for the rest.
    ///
    /// One of the places is held while the server computes its answer to the client's complete first message, and not
    /// while bytes are awaited: silent peers take no place.
    ///
    /// HTTP/2 is all that is spoken afterwards. A client that offers other protocols only is refused by the handshake
    /// (RFC 7301 section 3.2). One that offers none is let through: gRPC libraries offer `h2`, and some insist on its
    /// being chosen, but a client with prior knowledge may be simpler than RFC 9113 section 3.3 asks.
    ///
    /// # Errors
    ///
    /// `TimedOut` after the limit, `InvalidData` when the client breaks the protocol or its certificate is missing or
    /// refused, and whatever the connection fails with.
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
            // Clients that came together find the places taken and wait, instead of each being answered as soon as the
            // runtime comes to it: calls get their turns between them.
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

    /// Looks at the files again and again, at once when the operator wishes it, and puts a changed set in force once it is
    /// complete and good. Never returns.
    ///
    /// A set that was refused is looked at every time, because it may become good without a change: a certificate's
    /// validity begins.
    pub(in crate::server) async fn watch(self: Arc<Self>, mut reloads: ReloadRequests) {
        let started = Instant::now();
        let mut reported: Option<TlsError> = None;
        let mut pause = self.settings.reload_interval;
        loop {
            reloads.pause(pause).await;
            let tls = Arc::clone(&self);
            let looked = task::spawn_blocking(move || tls.reload(started.elapsed())).await;
            // Reading does not panic; if it ever did, that would be one more set that cannot be used.
            let looked = looked.unwrap_or(Err(TlsError::Interrupted));
            self.files_in_force.store(matches!(looked, Ok(Reload::Unchanged | Reload::Replaced)), Ordering::Relaxed);
            pause = self.settings.reload_interval;
            if looked == Ok(Reload::Pending) {
                pause = pause.min(REREAD_DELAY);
                continue;
            }
            let refused = looked.err();
            if refused != reported {
                match &refused {
                    Some(error) => tracing::error!(%error, "changed TLS files are refused; the last good ones stay"),
                    None => tracing::info!("the TLS files are good again"),
                }
                reported = refused;
            }
        }
    }

    /// What metrics show of the certificates.
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

    /// One look at the files. `now` is the time since some instant.
    fn reload(&self, now: Duration) -> Result<Reload, TlsError> {
        let looked = self.replace_if_changed(now);
        match &looked {
            Ok(Reload::Unchanged | Reload::Pending) => {}
            Ok(Reload::Replaced) => {
                self.good_reloads.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {
                self.failed_reloads.fetch_add(1, Ordering::Relaxed);
            }
        }
        looked
    }

    fn replace_if_changed(&self, now: Duration) -> Result<Reload, TlsError> {
        let looks = files::look(&self.settings);
        let sights: Vec<Observation> = looks.iter().map(Observation::from_read).collect();
        // A panic while this is held would leave a tracker that is still of use: the next look tells it all anew.
        let mut tracker = self.tracker.lock().unwrap_or_else(PoisonError::into_inner);
        match tracker.observe(&sights, now) {
            FilesState::Active => Ok(Reload::Unchanged),
            FilesState::Pending { .. } => Ok(Reload::Pending),
            FilesState::Usable { .. } => {
                let proven = InForce::prove(&TlsFiles::from_looks(&self.settings, looks)?)?;
                self.in_force.store(Arc::new(proven));
                tracker.accept();
                Ok(Reload::Replaced)
            }
        }
    }
}

impl InForce {
    fn prove(files: &TlsFiles<'_>) -> Result<Self, TlsError> {
        let now = SystemClock.now();
        let proven = ProvenConfig::build(files, now)?;
        let not_after = humantime::format_rfc3339_seconds(proven.not_after);
        tracing::info!(file = %files.certificate.path.display(), %not_after, "TLS certificate in force");
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
