//! The life of the process: signals, readiness, what is reloaded while it runs, and what its service manager is told.

pub(super) mod ignored_signals;
pub(super) mod panic_hook;
pub(super) mod policy_reload;
pub(super) mod readiness;
pub(super) mod self_check;
pub(super) mod service_manager;
pub(super) mod stop_signals;
pub(super) mod warnings;
