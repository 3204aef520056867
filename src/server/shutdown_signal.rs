//! The wish of the operator, or of whatever runs the process, that it stop.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Starts listening for SIGTERM and SIGINT, and returns a future that ends with the first of them.
///
/// # Errors
///
/// When the system refuses to register a handler.
pub fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "signal received");
    })
}
