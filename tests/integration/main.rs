//! The product against real counterparts over real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test ends at its first error, says what it skips, and reads what the program wrote"
)]

mod audit;
mod authentication;
mod aws_broken_sources;
mod aws_profiles;
mod check_warnings;
mod conditions;
mod config_command;
mod corpus;
mod credentials;
mod dev_process;
mod documents;
mod expiry;
mod faults;
mod forms;
mod http;
mod issuer_claims;
mod key_endpoint;
mod lifecycle;
mod limits;
mod log_output;
mod members_file;
mod metrics;
mod modules;
mod policy_model;
mod providers;
mod quotas;
mod readiness;
mod reflection_and_health;
mod requests;
mod scenario;
mod serve_process;
mod snapshots;
mod soak;
mod style;
#[allow(dead_code, unused_imports, reason = "this target uses a part of it")]
mod support;
mod telemetry;
mod upload_credentials;
mod uploads;
mod watched_files;
mod workloads;
