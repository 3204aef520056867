//! The `access-broker` program.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// It returns memory to the system after a flood, which glibc's allocator does not; see "Memory" in docs/OPERATIONS.md.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    access_broker::cli::run(std::env::args_os())
}
