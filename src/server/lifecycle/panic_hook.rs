//! Panics in the log.

use std::panic::{self, PanicHookInfo};

use tracing::field::display;

/// Has every panic logged by the place where it happened, instead of printed in a form of its own between the lines of
/// the log. The panic's text is left out, because it may quote what a caller sent.
pub(crate) fn log_panics() {
    panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let location = info.location().map(display);
        tracing::error!(location, "task failed: it panicked; this is a bug of the broker");
    }));
}
