//! SIGHUP of a running server.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::{task, time};

use super::options::ConfigOptions;
use super::output::lines_of;
use crate::config::{Config, LoadError};
use crate::server::{ReloadSignal, Reloader, ServiceManager};
use crate::telemetry::LogHandle;

/// The time limit for reading the configuration file, which takes up to ten seconds while the file changes.
const READ_LIMIT: Duration = Duration::from_secs(15);

/// The configuration that a server was started with, to compare with a newer one.
pub(super) struct LiveConfig {
    options: ConfigOptions,
    started_with: Config,
    log: LogHandle,
    reads: OneRead,
}

impl LiveConfig {
    pub(super) fn new(options: ConfigOptions, started_with: Config, log: LogHandle) -> Self {
        Self { options, started_with, log, reads: OneRead::default() }
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

    /// Reads the configuration file again and applies the log level, and nothing else.
    async fn take_log_level(&mut self) {
        let (options, settle) = (self.options.clone(), self.started_with.policy.settle);
        let newer = match self.reads.read(READ_LIMIT, move || options.load_again(settle)).await {
            Some(Ok(newer)) => newer,
            Some(Err(error)) => return report(error),
            None => {
                tracing::error!("reload failed: reading the configuration file timed out; nothing has changed");
                return;
            }
        };
        let (from, to) = (self.started_with.log.level, newer.log.level);
        let sections = self.started_with.sections_for_restart(&newer);
        if !sections.is_empty() {
            let sections = sections.join(", ");
            tracing::warn!(sections, "reload refused for some sections: their changed settings need a restart");
        }
        let change = || tracing::info!(%from, %to, "log level changed");
        // Log it at the more verbose of both levels, so that the line is not filtered out.
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

/// Reads on a blocking thread, one read at a time, so that a file system that hangs blocks only one thread.
#[derive(Debug)]
struct OneRead(Arc<Semaphore>);

impl Default for OneRead {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl OneRead {
    /// The result; `None` if the time limit is reached, or an earlier read still runs.
    async fn read<T: Send + 'static>(&self, limit: Duration, read: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let turn = Arc::clone(&self.0).try_acquire_owned().ok()?;
        let reading = task::spawn_blocking(move || {
            let _turn = turn;
            read()
        });
        time::timeout(limit, reading).await.ok()?.ok()
    }
}

/// The limit of logged problems per file. `access-broker check` prints all.
const MOST_PROBLEMS: usize = 20;

fn report(error: LoadError) {
    for (cause, problem, of) in lines_of(&format!("{:#}", anyhow::Error::from(error))).take(MOST_PROBLEMS) {
        tracing::error!(cause, problem, of, "reload refused: the configuration file is invalid; nothing has changed");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_read_that_hangs_holds_one_thread_and_the_next_begins_when_it_ends() {
        const LONG: Duration = Duration::from_mins(1);
        let reads = OneRead::default();
        let (release, released) = mpsc::channel::<()>();
        assert_eq!(reads.read(Duration::from_millis(10), move || released.recv().is_ok()).await, None);
        let unread = reads.read(LONG, || panic!("a second thread while the first one hangs")).await;
        assert_eq!(unread, None::<()>);
        release.send(()).unwrap();
        let ended = time::timeout(LONG, async {
            loop {
                match reads.read(LONG, || 7).await {
                    Some(read) => return read,
                    None => time::sleep(Duration::from_millis(1)).await,
                }
            }
        });
        assert_eq!(ended.await.unwrap(), 7);
    }
}
