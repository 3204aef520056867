//! `access-broker serve`

use anyhow::Context;
use clap::Args;

use super::options::ConfigOptions;
use super::{EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_OK, complain, exit_code, runtime};
use crate::config::Config;
use crate::server::{RunningServer, StopSignals, Surroundings, log_panics, notify_ready, notify_stopping};
use crate::telemetry::{Traces, start_logging};

/// Run the server.
///
/// The configuration and the policy are proven before a port is bound. Health says `NOT_SERVING` until the keys of every
/// issuer and the credentials of every bucket are there. SIGTERM and SIGINT stop the server: health flips, calls are
/// served for `server.drain_delay` more, calls in flight finish, and after `server.shutdown_grace` what is left is cut
/// off. A second signal ends the process at once.
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
        log_panics();
        if let Err(error) = config.load_policy() {
            complain(&error.into());
            return EXIT_CONFIGURATION;
        }
        match serve(config) {
            Ok(code) => code,
            Err(error) => {
                complain(&error);
                EXIT_FAILURE
            }
        }
    }
}

/// Serves until a signal, and tells how to exit.
fn serve(config: Config) -> anyhow::Result<u8> {
    let runtime = runtime().context("the runtime cannot be started")?;
    let served = runtime.block_on(async {
        let mut signals = StopSignals::listen().context("signals cannot be received")?;
        let traces = Traces::from_environment(|name| std::env::var(name).ok()).context("traces cannot be exported")?;
        let surroundings = Surroundings { traces, ..Surroundings::system() };
        let mut server = tokio::select! {
            started = RunningServer::start(config, surroundings) => started?,
            _ = signals.next() => return Ok(EXIT_OK),
        };
        let failure = until_stopped(&mut server, &mut signals).await;
        let stop = async {
            notify_stopping().await;
            server.stop().await;
        };
        tokio::select! {
            () = stop => failure.map_or(Ok(EXIT_OK), Err),
            second = signals.next() => Ok(exit_code::of_second_signal(second)),
        }
    });
    // Nothing that still runs is worth waiting for: what is, has been.
    runtime.shutdown_background();
    served
}

/// Returns with the first signal, or with what the server cannot go on without.
async fn until_stopped(server: &mut RunningServer, signals: &mut StopSignals) -> Option<anyhow::Error> {
    let readiness = server.readiness().clone();
    let announcement = async {
        readiness.ready().await;
        notify_ready().await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = signals.next() => None,
        failure = server.failed() => {
            tracing::error!(cause = %format!("{failure:#}"), "the server cannot go on");
            Some(failure)
        }
        () = announcement => None,
    }
}
