//! How the process exits: every code there is.

use crate::server::StopSignal;

/// Everything went as asked. For a server: it was stopped.
pub(crate) const EXIT_OK: u8 = 0;
/// Something failed: a port was taken, the server could not go on, the server asked about was not healthy.
pub(crate) const EXIT_FAILURE: u8 = 1;
/// The command line was not understood (clap's own choice).
pub(crate) const EXIT_USAGE: u8 = 2;
/// The configuration or the policy is not valid, or has warnings where none are allowed (`EX_CONFIG` of `sysexits.h`).
pub(crate) const EXIT_CONFIGURATION: u8 = 78;
/// A second signal, SIGINT, ended a server at once on its way down (128 and the signal's number, as shells have it).
pub(crate) const EXIT_SECOND_SIGINT: u8 = 130;
/// The same with SIGTERM.
pub(crate) const EXIT_SECOND_SIGTERM: u8 = 143;

pub(super) const fn after_second_signal(signal: StopSignal) -> u8 {
    match signal {
        StopSignal::Interrupt => EXIT_SECOND_SIGINT,
        StopSignal::Terminate => EXIT_SECOND_SIGTERM,
    }
}
