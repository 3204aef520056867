//! Signals that mean nothing to the broker and would end it if it did not take them.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGUSR1 and SIGUSR2. Once one of these was made, neither ends the process any more.
#[derive(Debug)]
pub struct IgnoredSignals {
    first: Signal,
    second: Signal,
}

impl IgnoredSignals {
    /// Starts listening.
    ///
    /// # Errors
    ///
    /// When the system refuses to register a handler.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { first: signal(SignalKind::user_defined1())?, second: signal(SignalKind::user_defined2())? })
    }

    /// Writes a line for each signal that comes. Never returns.
    pub async fn log(mut self) {
        loop {
            let signal = tokio::select! {
                _ = self.first.recv() => "SIGUSR1",
                _ = self.second.recv() => "SIGUSR2",
            };
            tracing::info!(signal, "signal ignored: SIGHUP is the one that reloads");
        }
    }
}
