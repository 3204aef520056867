//! The product against foreign programs: proxies, S3 servers, HTTP clients, parsers, and network namespaces.
//!
//! A test whose program is missing is ignored, and the runner reports it as ignored. Where the variable `CI` is set, it
//! fails with the name of the program and how to install it. Each test is registered by hand; one that is not is dead
//! code, of which the compiler warns.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails at its first error, prints what it measured, and reads what the program wrote"
)]

mod addresses;
mod audit_disk;
mod authority;
mod contract;
mod envoy;
mod http_clients;
mod http_oracle;
mod issuers;
mod mesh;
mod prometheus;
mod readme;
mod registry;
mod requirement;
mod schema;
#[allow(dead_code, unused_imports, reason = "this target uses a part of it")]
#[path = "../integration/support/mod.rs"]
mod support;
mod transfer;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use registry::Registry;

fn main() -> ExitCode {
    if mesh::is_relay() {
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::from_args();
    let mut registry = Registry::new(&arguments);
    addresses::register(&mut registry);
    audit_disk::register(&mut registry);
    authority::register(&mut registry);
    contract::register(&mut registry);
    envoy::register(&mut registry);
    http_clients::register(&mut registry);
    http_oracle::register(&mut registry);
    issuers::register(&mut registry);
    mesh::register(&mut registry);
    prometheus::register(&mut registry);
    readme::register(&mut registry);
    schema::register(&mut registry);
    transfer::register(&mut registry);
    let conclusion = libtest_mimic::run(&arguments, registry.into_trials());
    // What was logged after the last test that checked it.
    support::secrets::assert_log_has_no_secrets();
    conclusion.exit_code()
}
