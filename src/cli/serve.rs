//! `access-broker serve`

use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use tokio::task::{self, JoinSet};

use super::options::ConfigOptions;
use super::output::{complain_in_time, end_log, fail_before_the_log, log_failure};
use super::reload::LiveConfig;
use super::{EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_OK, exit_code, runtime};
use crate::config::{Config, LoadError, LoadedPolicy};
use crate::server::{RunningServer, ServiceManager, Signals, StartOptions, StopSignals, log_panics};
use crate::telemetry::{LogHandle, Traces, start_logging};

/// Run the server.
///
/// The configuration and the policy are checked before a port is opened. Health is `NOT_SERVING` until the signing keys
/// of every issuer and the credentials of every bucket are available. After `server.startup_wait`, one issuer and one
/// bucket are enough.
///
/// SIGTERM and SIGINT stop the server. Health becomes `NOT_SERVING`, and new calls are still served for
/// `server.drain_delay`. Then calls in flight have `server.shutdown_grace` to finish; after that they are cancelled. A
/// second signal stops the process at once.
///
/// SIGHUP reloads the policy, TLS files, signing keys of issuers and credentials at once, and applies a changed
/// `log.level` of the configuration file. SIGUSR1 and SIGUSR2 are ignored.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    options: ConfigOptions,
}

impl Serve {
    pub(super) fn run(self) -> u8 {
        self.run_process().unwrap_or_else(|error| {
            complain_in_time(&error);
            EXIT_FAILURE
        })
    }

    /// The life of the process: signals, configuration, log, server. An error is a failure before the log has started.
    fn run_process(self) -> anyhow::Result<u8> {
        let runtime = runtime().context("starting the runtime failed")?;
        // First, so that no signal ends the process by default from here on, also while it waits.
        let listening = runtime.block_on(async { Signals::listen() });
        let mut signals = listening.context("installing signal handlers failed")?;

        let config = match runtime.block_on(load_config(self.options.clone(), &mut signals.stop))? {
            Some(Ok(config)) => config,
            Some(Err(error)) => {
                return Ok(fail_before_the_log(&error.into(), self.options.log_format_alone(), EXIT_CONFIGURATION));
            }
            None => {
                // Not dropped, because dropping it would wait for the read.
                runtime.shutdown_background();
                return Ok(EXIT_OK);
            }
        };

        let log = start_logging(config.log).context("starting the log failed")?;
        log_panics();

        let live = LiveConfig::new(self.options, config.clone(), log.clone());
        let code = runtime.block_on(serve(config, &log, signals, live)).unwrap_or_else(|error| {
            log_failure(&error);
            EXIT_FAILURE
        });
        // Don't wait for background tasks: everything that matters was flushed above.
        runtime.shutdown_background();
        Ok(end_log(&log, code))
    }
}

/// Loads the configuration. `None` if a stop signal arrived first: its file system may hang.
async fn load_config(
    options: ConfigOptions,
    stop: &mut StopSignals,
) -> anyhow::Result<Option<Result<Config, LoadError>>> {
    let loading = task::spawn_blocking(move || options.load());
    tokio::select! {
        loaded = loading => Ok(Some(loaded.context("loading the configuration failed")?)),
        _ = stop.next() => Ok(None),
    }
}

/// The life of the server: policy, start, serving, stop. Returns the exit code. From here on everything is logged.
async fn serve(config: Config, log: &LogHandle, signals: Signals, live: LiveConfig) -> anyhow::Result<u8> {
    let Signals { mut stop, reload, ignored } = signals;
    // These tasks end when this value is dropped.
    let mut background = JoinSet::new();
    background.spawn(ignored.log());
    let manager = ServiceManager::from_environment();

    // Every wait of the start ends with a signal. The policy may still be being written, and the first process of a
    // container is not ended by a signal that it does not handle.
    manager.starting("reading the policy").await;
    let traces = Traces::from_environment_or_off(|name| std::env::var(name).ok());
    let policy = tokio::select! {
        loaded = load_policy(config.clone()) => match loaded? {
            Ok(policy) => policy,
            Err(error) => {
                log_failure(&error.into());
                return Ok(EXIT_CONFIGURATION);
            }
        },
        _ = stop.next() => return Ok(EXIT_OK),
    };

    manager.starting("reading secrets and certificates").await;
    let options = StartOptions { traces, log: Arc::clone(log.counts()), ..StartOptions::system() };
    let mut server = tokio::select! {
        started = RunningServer::start(config, policy, options) => started?,
        _ = stop.next() => return Ok(EXIT_OK),
    };
    background.spawn(live.reload_on(reload, server.reloader().clone(), manager.clone()));
    background.spawn(manager.clone().report_state(server.readiness().clone()));
    background.spawn(manager.clone().watch(server.self_check().clone()));

    let failure = tokio::select! {
        _ = stop.next() => None,
        failure = server.failed() => {
            tracing::error!(cause = %format!("{failure:#}"), "server failed: stopping");
            Some(failure)
        }
    };

    let stopped = async {
        manager.stopping().await;
        server.stop().await;
    };
    tokio::select! {
        () = stopped => failure.map_or(Ok(EXIT_OK), Err),
        second = stop.next() => Ok(exit_code::after_second_signal(second)),
    }
}

/// Not on the runtime's threads: a recently changed file is read twice, and a large policy takes a second to compile.
async fn load_policy(config: Config) -> anyhow::Result<Result<LoadedPolicy, LoadError>> {
    task::spawn_blocking(move || config.load_policy()).await.context("loading the policy failed")
}
