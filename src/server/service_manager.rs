//! What systemd is told of a service of `Type=notify` (`sd_notify(3)`). Without `NOTIFY_SOCKET` nothing is told.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::{task, time};

/// How long the manager may take to read a message. It never takes noticeably long, and must not hold up a stop.
const LIMIT: Duration = Duration::from_secs(1);

/// Tells that calls are answered.
pub async fn notify_ready() {
    notify(NotifyState::Ready).await;
}

/// Tells that the service is on its way down.
pub async fn notify_stopping() {
    notify(NotifyState::Stopping).await;
}

/// Failing to tell is no reason to fail: the manager has time limits of its own.
async fn notify(state: NotifyState<'static>) {
    // The socket is a blocking one.
    let told = task::spawn_blocking(move || sd_notify::notify(&[state]));
    match time::timeout(LIMIT, told).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tracing::warn!(%error, "the service manager cannot be told"),
        Ok(Err(_)) | Err(_) => tracing::warn!("the service manager does not read what it is told"),
    }
}
