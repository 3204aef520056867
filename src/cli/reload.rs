//! What SIGHUP does to a running server.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
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

    /// Reads the configuration file anew and takes the level of the log from it, and nothing else.
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

/// Reads on a thread that may block, one at a time: a file system that hangs holds one thread, however many signals come.
#[derive(Debug)]
struct OneRead(Arc<Semaphore>);

impl Default for OneRead {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl OneRead {
    /// What was read; `None` if that takes longer than the limit, or an earlier read has not ended.
    async fn read<T: Send + 'static>(&self, limit: Duration, read: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let turn = Arc::clone(&self.0).try_acquire_owned().ok()?;
        let reading = task::spawn_blocking(move || {
            let _turn = turn;
            read()
        });
        time::timeout(limit, reading).await.ok()?.ok()
    }
}

/// How many problems of a file are told. `access-broker check` tells all.
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
