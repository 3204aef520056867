//! The signals of the process.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals of a server. After [`listen`](Self::listen), none of them ends the process by default.
#[derive(Debug)]
pub(crate) struct Signals {
    pub(crate) stop: StopSignals,
    pub(crate) reload: ReloadSignal,
    /// Those that are only logged.
    pub(crate) ignored: IgnoredSignals,
}

impl Signals {
    /// Starts listening.
    ///
    /// # Errors
    ///
    /// When the system refuses to register a handler.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { stop: StopSignals::listen()?, reload: ReloadSignal::listen()?, ignored: IgnoredSignals::listen()? })
    }
}

/// SIGTERM and SIGINT, one after the other.
#[derive(Debug)]
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    /// Sent when a file reaches its maximum size (`RLIMIT_FSIZE`): the write then fails, and the process must not end.
    _file_size: Signal,
}

/// The number of SIGXFSZ on Linux.
const FILE_SIZE: i32 = 25;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopSignal {
    /// SIGTERM, which service managers send.
    Terminate,
    /// SIGINT, which Ctrl-C sends.
    Interrupt,
}

impl StopSignals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _file_size: signal(SignalKind::from_raw(FILE_SIZE))?,
        })
    }

    pub(crate) async fn next(&mut self) -> StopSignal {
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

/// SIGHUP, each time.
#[derive(Debug)]
pub(crate) struct ReloadSignal(Signal);

impl ReloadSignal {
    fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next signal. Several that come together count once.
    pub(crate) async fn next(&mut self) {
        self.0.recv().await;
        tracing::info!(
            signal = "SIGHUP",
            "signal received: reloading keys, credentials, watched files and the log level"
        );
    }
}

/// SIGUSR1 and SIGUSR2.
#[derive(Debug)]
pub(crate) struct IgnoredSignals {
    first: Signal,
    second: Signal,
}

impl IgnoredSignals {
    fn listen() -> io::Result<Self> {
        Ok(Self { first: signal(SignalKind::user_defined1())?, second: signal(SignalKind::user_defined2())? })
    }

    /// Logs each signal. Never returns.
    pub(crate) async fn log(mut self) {
        loop {
            let signal = tokio::select! {
                _ = self.first.recv() => "SIGUSR1",
                _ = self.second.recv() => "SIGUSR2",
            };
            tracing::info!(signal, "signal ignored: send SIGHUP to reload");
        }
    }
}
