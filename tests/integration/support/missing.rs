//! Programs that a test needs and the machine lacks.

use std::env;

/// Says that a case is skipped because something is not installed. In CI, where everything is, that is a failure.
pub(crate) fn skip_without(name: &str) {
    assert!(env::var_os("CI").is_none(), "not installed: {name}");
    println!("skipped: not installed: {name}");
}
