//! `access-broker config`: first files, and their schema.

mod init;
mod schema;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::output::{complain, say_or_fail};
use super::{EXIT_FAILURE, EXIT_OK};
use crate::config::Config;
use access_broker_policy::{CompiledPolicy, Members};

/// Write a first configuration and policy, or print their JSON Schema.
#[derive(Debug, Args)]
pub(super) struct ConfigCommand {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Write a minimal broker.toml and policy.toml that `access-broker check` accepts. If either file exists, nothing
    /// is written.
    Init {
        /// The directory for both files. It is created if it does not exist.
        #[arg(value_name = "DIRECTORY", default_value = ".")]
        directory: PathBuf,
    },
    /// Print the JSON Schema (draft 2020-12) of the configuration, of the policy or of the members file, for editors and
    /// for CI.
    Schema {
        /// The file that the schema describes.
        #[arg(value_name = "FILE", value_enum, default_value_t = Described::Configuration)]
        file: Described,
    },
}

/// The files that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Described {
    Configuration,
    Policy,
    Members,
}

impl ConfigCommand {
    pub(super) fn run(self) -> u8 {
        match self.task {
            Task::Init { directory } => match init::write(&directory) {
                Ok(next) => say_or_fail(next, EXIT_OK),
                Err(error) => {
                    complain(&error);
                    EXIT_FAILURE
                }
            },
            Task::Schema { file } => {
                let schema = match file {
                    Described::Configuration => schema::of_configuration(&Config::reference()),
                    Described::Policy => schema::of_policy(&CompiledPolicy::reference()),
                    Described::Members => schema::of_members(&Members::reference()),
                };
                say_or_fail(format!("{schema:#}"), EXIT_OK)
            }
        }
    }
}
