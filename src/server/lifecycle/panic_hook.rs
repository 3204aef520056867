//! Panics in the log.

use std::panic::{self, PanicHookInfo};

use tracing::field::display;

/// Logs every panic with its location, instead of printing it between the lines of the log in another format. The
/// panic's text is left out, because it may quote a request.
pub(crate) fn log_panics() {
    panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let location = info.location().map(display);
        tracing::error!(location, "task failed: it panicked; this is a bug of the broker");
    }));
}
