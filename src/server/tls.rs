//! TLS of a listener: handshakes, and certificates that change while the server runs.
//!
//! The files are read together and take effect together, once they are proven to fit: no handshake sees a new
//! certificate with an old key, or a list of authorities that is empty or broken.

mod error;
mod files;
mod server_config;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::{task, time};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use self::error::TlsError;
use self::files::{Fingerprint, TlsFiles};
use self::server_config::ProvenConfig;
use crate::clock::{Clock, SystemClock};
use crate::config::TlsSettings;
use crate::telemetry::{CertificateSource, CertificateStatus};

/// What a listener does its handshakes with.
pub(super) struct ListenerTls {
    settings: TlsSettings,
    in_force: ArcSwap<InForce>,
    good_reloads: AtomicU64,
    failed_reloads: AtomicU64,
}

/// A set of files that was complete and good when it was read.
struct InForce {
    fingerprint: Fingerprint,
    proven: ProvenConfig,
    since: SystemTime,
}

/// What a look at the files found.
enum Look {
    Unchanged,
    Replaced,
}

impl ListenerTls {
    /// Reads the files and proves that they fit together. Blocks on the file system.
    ///
    /// # Errors
    ///
    /// The first file that cannot be used, and why.
    pub(super) fn load(settings: &TlsSettings) -> Result<Self, TlsError> {
        let files = TlsFiles::read(settings)?;
        let in_force = InForce::prove(&files)?;
        Ok(Self {
            settings: settings.clone(),
            in_force: ArcSwap::from_pointee(in_force),
            good_reloads: AtomicU64::new(0),
            failed_reloads: AtomicU64::new(0),
        })
    }

    /// Does the server's side of a handshake, with the files that are in force now.
    ///
    /// HTTP/2 is all that is spoken afterwards. A client that offers other protocols only is refused by the handshake
    /// (RFC 7301 section 3.2). One that offers none is let through: gRPC libraries offer `h2`, and some insist on its
    /// being chosen, but a client with prior knowledge may be simpler than RFC 9113 section 3.3 asks.
    ///
    /// # Errors
    ///
    /// `TimedOut` after the limit, `InvalidData` when the client breaks the protocol or its certificate is missing or
    /// refused, and whatever the connection fails with.
    pub(super) async fn accept<IO>(&self, io: IO, limit: Duration) -> io::Result<TlsStream<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.in_force.load().proven.config));
        time::timeout(limit, acceptor.accept(io)).await?
    }

    /// Looks at the files again and again, and puts a changed set in force once it is complete and good. Never returns.
    ///
    /// A set that was refused is looked at every time, because it may become good without a change: a certificate's
    /// validity begins.
    pub(super) async fn watch(self: Arc<Self>) {
        let mut reported: Option<TlsError> = None;
        loop {
            time::sleep(self.settings.reload_interval).await;
            let tls = Arc::clone(&self);
            let looked = task::spawn_blocking(move || tls.reload()).await;
            // Reading does not panic; if it ever did, that would be one more set that cannot be used.
            let refused = looked.unwrap_or(Err(TlsError::Interrupted)).err();
            if refused != reported {
                match &refused {
                    Some(error) => tracing::error!(%error, "changed TLS files are refused; the last good ones stay"),
                    None => tracing::info!("the TLS files are good again"),
                }
                reported = refused;
            }
        }
    }

    /// One look at the files.
    fn reload(&self) -> Result<Look, TlsError> {
        let looked = self.replace_if_changed();
        match &looked {
            Ok(Look::Unchanged) => {}
            Ok(Look::Replaced) => {
                self.good_reloads.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {
                self.failed_reloads.fetch_add(1, Ordering::Relaxed);
            }
        }
        looked
    }

    fn replace_if_changed(&self) -> Result<Look, TlsError> {
        let files = TlsFiles::read(&self.settings)?;
        // The content is compared, not the time of change: mounted volumes swap links, and their times may go backwards.
        if files.fingerprint() == self.in_force.load().fingerprint {
            return Ok(Look::Unchanged);
        }
        self.in_force.store(Arc::new(InForce::prove(&files)?));
        Ok(Look::Replaced)
    }
}

impl CertificateSource for ListenerTls {
    fn status(&self) -> CertificateStatus {
        let in_force = self.in_force.load();
        CertificateStatus {
            loaded_at: in_force.since,
            good_reloads: self.good_reloads.load(Ordering::Relaxed),
            failed_reloads: self.failed_reloads.load(Ordering::Relaxed),
            not_after: in_force.proven.not_after,
        }
    }
}

impl InForce {
    fn prove(files: &TlsFiles<'_>) -> Result<Self, TlsError> {
        let now = SystemClock.now();
        let proven = ProvenConfig::build(files, now)?;
        let not_after = humantime::format_rfc3339_seconds(proven.not_after);
        tracing::info!(file = %files.certificate.path.display(), %not_after, "TLS certificate in force");
        Ok(Self { fingerprint: files.fingerprint(), proven, since: now })
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
