//! The command line: one file per subcommand.

mod check;
mod config;
#[cfg(feature = "dev")]
mod dev;
mod exit_code;
mod healthcheck;
mod memory;
mod options;
mod output;
mod reload;
mod serve;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub(crate) use exit_code::{
    EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_OK, EXIT_SECOND_SIGINT, EXIT_SECOND_SIGTERM, EXIT_USAGE,
};

/// Decides who may read or write which S3 object, and issues presigned URLs for these operations.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = AFTER_HELP)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Try it:
  access-broker dev                          everything on one machine, with commands to paste

Run it:
  access-broker config init                  write broker.toml and policy.toml
  access-broker check --config broker.toml   print what both mean, with errors and warnings
  access-broker serve --config broker.toml   run the server

Exit codes:
  0         done
  1         failed
  2         invalid command line
  78        invalid configuration or policy; for check --deny-warnings: warnings
  130, 143  stopped at once by a second SIGINT or SIGTERM";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Serve),
    /// Check a configuration and its policy, and print what they mean.
    Check(check::Check),
    /// Write a first configuration and policy, or print their JSON Schema.
    Config(config::ConfigCommand),
    /// Ask a running server for its health.
    Healthcheck(healthcheck::Healthcheck),
    /// Run the broker, an S3 server and a token issuer together, for a trial on this machine.
    #[cfg(feature = "dev")]
    Dev(dev::Dev),
}

/// Runs a command line and returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command_line = match CommandLine::try_parse_from(arguments) {
        Ok(command_line) => command_line,
        Err(error) => {
            // Help and version are errors to clap, but not failures.
            let code = if error.use_stderr() { EXIT_USAGE } else { EXIT_OK };
            let _printed = error.print();
            return code.into();
        }
    };
    let code = match command_line.command {
        Command::Serve(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Config(command) => command.run(),
        Command::Healthcheck(command) => command.run(),
        #[cfg(feature = "dev")]
        Command::Dev(command) => command.run(),
    };
    code.into()
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().on_thread_park(memory::give_back_if_due).build()?;
    runtime.spawn(memory::wake_workers());
    Ok(runtime)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }
}
