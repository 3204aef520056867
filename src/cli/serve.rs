//! `access-broker serve`

use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use tokio::task;

use super::options::ConfigOptions;
use super::output::{complain_in_time, end_log, log_failure};
use super::{EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_OK, exit_code, runtime};
use crate::config::{Config, LoadError, LoadedPolicy};
use crate::server::{
    ReloadSignal, RunningServer, StopSignals, Surroundings, log_panics, notify_ready, notify_stopping,
};
use crate::telemetry::{LogHandle, Traces, start_logging};

/// Run the server.
///
/// The configuration and the policy are proven before a port is bound. Health says `NOT_SERVING` until the keys of every
/// issuer and the credentials of every bucket are there. SIGTERM and SIGINT stop the server: health flips, calls are
/// served for `server.drain_delay` more, calls in flight finish, and after `server.shutdown_grace` what is left is cut
/// off. A second signal ends the process at once. SIGHUP has the keys of every issuer fetched and the policy and TLS
/// files looked at without delay.
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
                complain_in_time(&error);
                return EXIT_CONFIGURATION;
            }
        };
        let log = match start_logging(config.log).context("the log cannot be started") {
            Ok(log) => log,
            Err(error) => {
                complain_in_time(&error);
                return EXIT_FAILURE;
            }
        };
        log_panics();
        end_log(&log, run_logged(config, &log))
    }
}

/// From here on everything is said in the log.
fn run_logged(config: Config, log: &LogHandle) -> u8 {
    serve(config, log).unwrap_or_else(|error| {
        log_failure(&error);
        EXIT_FAILURE
    })
}

/// Serves until a signal, and tells how to exit.
fn serve(config: Config, log: &LogHandle) -> anyhow::Result<u8> {
    let runtime = runtime().context("the runtime cannot be started")?;
    let served = runtime.block_on(async {
        let mut signals = StopSignals::listen().context("signals cannot be received")?;
        let mut reloads = ReloadSignal::listen().context("signals cannot be received")?;
        let traces = Traces::from_environment(|name| std::env::var(name).ok()).context("traces cannot be exported")?;
        let surroundings = Surroundings { traces, log: Arc::clone(log.counts()), ..Surroundings::system() };
        // Every wait of the start ends with a signal: a policy that is being written is waited for, and the first
        // process of a container is not ended by a signal that it does not take.
        let policy = tokio::select! {
            loaded = load_policy(config.clone()) => match loaded? {
                Ok(policy) => policy,
                Err(error) => {
                    log_failure(&error.into());
                    return Ok(EXIT_CONFIGURATION);
                }
            },
            _ = signals.next() => return Ok(EXIT_OK),
        };
        let mut server = tokio::select! {
            started = RunningServer::start_with(config, policy, surroundings) => started?,
            _ = signals.next() => return Ok(EXIT_OK),
        };
        let failure = until_stopped(&mut server, &mut signals, &mut reloads).await;
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

/// Off the runtime's threads: a young file is read twice, and a large policy takes a second to compile.
async fn load_policy(config: Config) -> anyhow::Result<Result<LoadedPolicy, LoadError>> {
    task::spawn_blocking(move || config.load_policy()).await.context("the policy was not loaded")
}

/// Returns with the first signal, or with what the server cannot go on without.
async fn until_stopped(
    server: &mut RunningServer,
    signals: &mut StopSignals,
    reloads: &mut ReloadSignal,
) -> Option<anyhow::Error> {
    let readiness = server.readiness().clone();
    let announcement = async {
        readiness.ready().await;
        notify_ready().await;
        std::future::pending::<()>().await;
    };
    tokio::pin!(announcement);
    loop {
        tokio::select! {
            _ = signals.next() => return None,
            () = reloads.next() => server.reload(),
            failure = server.failed() => {
                tracing::error!(cause = %format!("{failure:#}"), "the server cannot go on");
                return Some(failure);
            }
            () = &mut announcement => return None,
        }
    }
}
