//! The options that say which configuration is meant.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::config::{Config, LoadError, environment_overrides, flag_override};
use crate::telemetry::LogFormat;
use access_broker_base::document::Overrides;
use access_broker_identity::PlainHttp;

/// The configuration file, and the flags that win over it.
#[derive(Debug, Clone, Args)]
#[expect(clippy::doc_markdown, reason = "clap prints these comments as they are")]
pub(super) struct ConfigOptions {
    #[arg(long, value_name = "PATH", help = help_of_config())]
    config: PathBuf,
    /// Address of gRPC and HTTP: server.grpc_addr.
    #[arg(long, value_name = "IP:PORT", help_heading = "Settings")]
    grpc_addr: Option<String>,
    /// Address of /livez, /readyz and /metrics: server.admin_addr.
    #[arg(long, value_name = "IP:PORT", help_heading = "Settings")]
    admin_addr: Option<String>,
    /// The policy file: policy.file.
    #[arg(long, value_name = "PATH", help_heading = "Settings")]
    policy: Option<String>,
    /// Format of the log, json or text: log.format.
    #[arg(long, value_name = "FORMAT", help_heading = "Settings")]
    log_format: Option<String>,
    /// Least severe level of the broker's own messages, error, warn, info, debug or trace: log.level.
    #[arg(long, value_name = "LEVEL", help_heading = "Settings")]
    log_level: Option<String>,
}

/// Names the tables whose settings the environment can give, as the readers of the configuration record them.
fn help_of_config() -> String {
    let reference = Config::reference();
    let tables: Vec<String> = reference.overridable().map(|table| format!("[{}]", table.path)).collect();
    format!(
        "The configuration file. Settings of {} can also be given as environment variables, \
         ACCESS_BROKER_SECTION__SETTING, such as ACCESS_BROKER_LOG__LEVEL=debug, and some as flags. A flag wins over \
         the environment, and the environment over the file",
        tables.join(", ")
    )
}

impl ConfigOptions {
    /// Loads the configuration: file, then environment, then flags.
    pub(super) fn load(&self) -> Result<Config, LoadError> {
        Config::load(&self.config, self.overrides(), PlainHttp::Refused)
    }

    /// Loads it once more, while a server runs by it. Blocks, for up to ten seconds; see [`Config::load_again`].
    pub(super) fn load_again(&self, settle: Duration) -> Result<Config, LoadError> {
        Config::load_again(&self.config, self.overrides(), PlainHttp::Refused, settle)
    }

    /// The format of the log, if it is known although the configuration is invalid.
    pub(super) fn log_format_alone(&self) -> Option<LogFormat> {
        Config::log_format_alone(&self.config, &self.overrides())
    }

    fn overrides(&self) -> Overrides {
        let Self { config: _, grpc_addr, admin_addr, policy, log_format, log_level } = self.clone();
        // A path on the command line is relative to where the command runs, unlike one in the file.
        let policy = policy.map(|path| std::path::absolute(&path).map_or(path, |full| full.display().to_string()));
        // Variables that are not UTF-8 are none of ours.
        let variables =
            env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
        let mut overrides = environment_overrides(variables);
        flag_override(&mut overrides, "--grpc-addr", "server.grpc_addr", grpc_addr);
        flag_override(&mut overrides, "--admin-addr", "server.admin_addr", admin_addr);
        flag_override(&mut overrides, "--policy", "policy.file", policy);
        flag_override(&mut overrides, "--log-format", "log.format", log_format);
        flag_override(&mut overrides, "--log-level", "log.level", log_level);
        overrides
    }
}
