//! The `access-broker` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    access_broker::cli::run(std::env::args_os())
}
