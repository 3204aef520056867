//! The exit codes of the process.

use crate::server::StopSignal;

/// Success. For a server: it was stopped.
pub(crate) const EXIT_OK: u8 = 0;
/// Failure: a port was in use, the server failed, or the server that was checked is not healthy.
pub(crate) const EXIT_FAILURE: u8 = 1;
/// The command line is invalid (clap's default).
pub(crate) const EXIT_USAGE: u8 = 2;
/// The configuration or the policy is invalid, or has warnings with `--deny-warnings` (`EX_CONFIG` of `sysexits.h`).
pub(crate) const EXIT_CONFIGURATION: u8 = 78;
/// A second signal, SIGINT, ended the server during its stop (128 and the signal's number, as in shells).
pub(crate) const EXIT_SECOND_SIGINT: u8 = 130;
/// The same with SIGTERM.
pub(crate) const EXIT_SECOND_SIGTERM: u8 = 143;

pub(super) const fn after_second_signal(signal: StopSignal) -> u8 {
    match signal {
        StopSignal::Interrupt => EXIT_SECOND_SIGINT,
        StopSignal::Terminate => EXIT_SECOND_SIGTERM,
    }
}
