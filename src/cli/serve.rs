//! `access-broker serve`

use anyhow::Context;
use clap::Args;

use super::options::ConfigOptions;
use super::{EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_OK, complain, runtime};
use crate::config::Config;
use crate::server::{RunningServer, Surroundings, shutdown_signal};
use crate::telemetry::start_logging;

/// Run the server.
///
/// The configuration and the policy are proven before a port is bound. Health says `NOT_SERVING` until the keys of every
/// issuer and the credentials of every bucket are there. SIGTERM and SIGINT stop the server: health flips, calls in
/// flight finish, and after `server.shutdown_grace` what is left is cut off.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    options: ConfigOptions,
}

impl Serve {
    pub(super) fn run(self) -> u8 {
        let config = match self.options.load().map_err(anyhow::Error::from) {
            Ok(config) => config,
            Err(error) => {
                complain(&error);
                return EXIT_CONFIGURATION;
            }
        };
        start_logging(config.log);
        if let Err(error) = config.load_policy() {
            complain(&error.into());
            return EXIT_CONFIGURATION;
        }
        match serve(config) {
            Ok(()) => EXIT_OK,
            Err(error) => {
                complain(&error);
                EXIT_FAILURE
            }
        }
    }
}

fn serve(config: Config) -> anyhow::Result<()> {
    runtime().context("the runtime cannot be started")?.block_on(async {
        let signal = shutdown_signal().context("signals cannot be received")?;
        let server = RunningServer::start(config, Surroundings::system()).await?;
        signal.await;
        server.stop().await;
        Ok(())
    })
}
