//! Requests to reload keys and files now instead of at their next time.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time;

/// Receives the requests in a watching task. Clones receive the same ones.
#[derive(Debug, Clone)]
pub(super) struct ReloadReceiver(watch::Receiver<()>);

impl ReloadReceiver {
    /// A sender of requests, and a receiver.
    pub(super) fn channel() -> (watch::Sender<()>, Self) {
        let (sender, receiver) = watch::channel(());
        (sender, Self(receiver))
    }

    /// Waits for this long, or until the next request. A request since the last pause ends this one immediately.
    pub(super) async fn pause(&mut self, longest: Duration) {
        let request = async {
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        // In both cases it is time to reload.
        let _ = time::timeout(longest, request).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_ends_one_pause_of_every_watch() {
        const LONG: Duration = Duration::from_mins(1);
        let (sender, mut one) = ReloadReceiver::channel();
        let mut other = one.clone();
        sender.send_replace(());
        let start = Instant::now();
        tokio::join!(one.pause(LONG), other.pause(LONG));
        assert_eq!(start.elapsed(), Duration::ZERO);
        one.pause(LONG).await;
        assert_eq!(start.elapsed(), LONG);
        drop(sender);
        one.pause(LONG).await;
        assert_eq!(start.elapsed(), 2 * LONG, "a dropped sender requests nothing");
    }
}
