//! What SIGHUP does to a running server.

use std::time::Duration;

use tokio::{task, time};

use super::options::ConfigOptions;
use super::output::lines_of;
use crate::config::{Config, LoadError};
use crate::server::{ReloadSignal, Reloader, ServiceManager};
use crate::telemetry::LogHandle;

/// How long the configuration file may take: it is read for up to ten seconds while it changes.
const READ_LIMIT: Duration = Duration::from_secs(15);

/// The configuration that a server was started with, and what it can take of a newer one.
pub(super) struct LiveConfig {
    options: ConfigOptions,
    started_with: Config,
    log: LogHandle,
}

impl LiveConfig {
    pub(super) const fn new(options: ConfigOptions, started_with: Config, log: LogHandle) -> Self {
        Self { options, started_with, log }
    }

    /// Reloads at every signal, one after the other. Never returns.
    pub(super) async fn reload_on(mut self, mut signal: ReloadSignal, server: Reloader, manager: ServiceManager) {
        loop {
            signal.next().await;
            manager.reloading().await;
            server.reload();
            self.take_log_level().await;
            manager.reloaded().await;
        }
    }

    /// Reads the configuration file anew and takes the level of the log from it, and nothing else.
    async fn take_log_level(&mut self) {
        let (options, settle) = (self.options.clone(), self.started_with.policy.settle);
        let read = time::timeout(READ_LIMIT, task::spawn_blocking(move || options.load_again(settle))).await;
        let newer = match read {
            Ok(Ok(Ok(newer))) => newer,
            Ok(Ok(Err(error))) => return report(error),
            Ok(Err(_)) | Err(_) => {
                tracing::error!("the configuration file was not read in time; everything stays as it is");
                return;
            }
        };
        let (from, to) = (self.started_with.log.level, newer.log.level);
        let sections = self.started_with.sections_for_restart(&newer);
        if !sections.is_empty() {
            let sections = sections.join(", ");
            tracing::warn!(sections, "the configuration file has other settings; they take effect with a restart");
        }
        let change = || tracing::info!(%from, %to, "log level changed");
        // Told while the line is heard: before the change to a level that leaves it out, and after one to a level that
        // does not.
        if to > from {
            self.log.set_level(to);
            change();
        } else if to < from {
            change();
            self.log.set_level(to);
        }
        self.started_with.log.level = to;
    }
}

/// How many problems of a file are told. `access-broker check` tells all.
const MOST_PROBLEMS: usize = 20;

fn report(error: LoadError) {
    for (cause, problem, of) in lines_of(&format!("{:#}", anyhow::Error::from(error))).take(MOST_PROBLEMS) {
        tracing::error!(cause, problem, of, "the configuration file is not valid; everything stays as it is");
    }
}
