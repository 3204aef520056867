//! The wish of the operator that keys and files be looked at now, and not when it is their time.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time;

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
