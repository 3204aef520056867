//! The wish of the operator, or of whatever runs the process, that it stop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, one after the other.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    /// A file that has its longest length (`RLIMIT_FSIZE`): the write fails then, and must not end the process.
    _file_size: Signal,
}

/// The number of SIGXFSZ on Linux.
const FILE_SIZE: i32 = 25;

/// A signal to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM, which service managers send.
    Terminate,
    /// SIGINT, which Ctrl-C sends.
    Interrupt,
}

impl StopSignals {
    /// Starts listening. From then on neither signal ends the process by itself.
    ///
    /// # Errors
    ///
    /// When the system refuses to register a handler.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _file_size: signal(SignalKind::from_raw(FILE_SIZE))?,
        })
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) -> StopSignal {
        let signal = tokio::select! {
            _ = self.terminate.recv() => StopSignal::Terminate,
            _ = self.interrupt.recv() => StopSignal::Interrupt,
        };
        tracing::info!(signal = signal.name(), "signal received");
        signal
    }
}

impl StopSignal {
    const fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }
}
