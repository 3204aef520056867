//! The life of the process: signals, readiness, reloads, and notifications to the service manager.

pub(super) mod panic_hook;
pub(super) mod policy_reload;
pub(super) mod readiness;
pub(super) mod reloader;
pub(super) mod self_check;
pub(super) mod server_state;
pub(super) mod service_manager;
pub(super) mod signals;
pub(super) mod warnings;
