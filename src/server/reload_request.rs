//! The wish of the operator that keys and files be looked at now, and not when it is their time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time;

use crate::identity::KeyRing;
use access_broker_s3::presign::SignerUpkeep;

/// SIGHUP, as often as it comes. Once one of these was made, that signal does not end the process any more.
#[derive(Debug)]
pub struct ReloadSignal(Signal);

impl ReloadSignal {
    /// Starts listening.
    ///
    /// # Errors
    ///
    /// When the system refuses to register a handler.
    pub fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next signal. Several that come together count once.
    pub async fn next(&mut self) {
        self.0.recv().await;
        tracing::info!(
            signal = "SIGHUP",
            "signal received: keys, credentials, watched files and the log level are read now"
        );
    }
}

/// Has a running server read anew what it reads from outside. Clones do the same.
#[derive(Debug, Clone)]
pub struct Reloader {
    pub(super) key_rings: Vec<Arc<KeyRing>>,
    pub(super) signers: Vec<Arc<dyn SignerUpkeep>>,
    pub(super) files: watch::Sender<()>,
}

impl Reloader {
    /// Has the keys of every issuer fetched, all credentials asked for anew, and the policy and TLS files looked at now,
    /// and not when it is their time. What is new takes effect as it would have then: a changed key at once, a file once
    /// it counts. What cannot be read leaves what is in force. Waits for nothing.
    pub fn reload(&self) {
        self.key_rings.iter().for_each(|keys| keys.refresh_soon());
        self.signers.iter().for_each(|signer| signer.reload());
        self.files.send_replace(());
    }
}

/// Where a watch hears of the wish. Clones hear of the same wishes.
#[derive(Debug, Clone)]
pub(super) struct ReloadRequests(watch::Receiver<()>);

impl ReloadRequests {
    /// A sender of wishes, and where they are heard.
    pub(super) fn channel() -> (watch::Sender<()>, Self) {
        let (sender, receiver) = watch::channel(());
        (sender, Self(receiver))
    }

    /// Waits for so long, or until the next wish. One that came since the last pause ends this one at once.
    pub(super) async fn pause(&mut self, longest: Duration) {
        let wish = async {
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        // Ended by time or by the wish: either way it is time to look.
        let _ = time::timeout(longest, wish).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wish_ends_one_pause_of_every_watch() {
        const LONG: Duration = Duration::from_mins(1);
        let (sender, mut one) = ReloadRequests::channel();
        let mut other = one.clone();
        sender.send_replace(());
        let start = Instant::now();
        tokio::join!(one.pause(LONG), other.pause(LONG));
        assert_eq!(start.elapsed(), Duration::ZERO);
        one.pause(LONG).await;
        assert_eq!(start.elapsed(), LONG);
        drop(sender);
        one.pause(LONG).await;
        assert_eq!(start.elapsed(), 2 * LONG, "a server that is gone wishes nothing");
    }
}
