//! Makes a changed policy file active when it is stable and valid, and keeps the last good policy otherwise.

mod judge;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task;
use tokio::time::Instant;

pub(in crate::server) use self::judge::PolicyWatch;
use self::judge::{Outcome, PolicyRefusal};
use crate::config::{Config, PolicyFile};
use crate::policy_store::PolicyStore;
use crate::server::reload_receiver::ReloadReceiver;
use access_broker_base::document::Problems;
use access_broker_base::files::{Arrivals, REREAD_DELAY};
use access_broker_policy::{CompiledPolicy, Policy};

/// Reads the policy file regularly, and immediately on a reload request. Never returns.
///
/// `watched` has the active policy. `before_activation` gets each valid policy right before it becomes active.
///
/// The content is compared, not the modification time: mounted volumes swap links, and their times may go backwards.
pub(in crate::server) async fn watch(
    config: Config,
    store: Arc<PolicyStore>,
    watched: Watched,
    before_activation: impl Fn(&Policy) + Send + Sync + 'static,
    mut reloads: ReloadReceiver,
) {
    let interval = config.policy.reload_interval;
    let file = PolicyFile::new(&config.policy);
    let reload = Arc::new(Reload { config, file, store, watched: Mutex::new(watched), before_activation });
    let started = Instant::now();
    loop {
        let (reading, now) = (Arc::clone(&reload), started.elapsed());
        // Not on the runtime's threads: a file system may hang, and a large policy takes a second to compile.
        let is_pending = task::spawn_blocking(move || reading.read_once(now)).await.unwrap_or_else(|error| {
            reload.store.note_refused();
            reload.store.note_file_in_force(false);
            tracing::error!(%error, "reading the policy file failed; the last good policy stays active");
            false
        });
        reloads.pause(if is_pending { interval.min(REREAD_DELAY) } else { interval }).await;
    }
}

struct Reload<F> {
    config: Config,
    file: PolicyFile,
    store: Arc<PolicyStore>,
    watched: Mutex<Watched>,
    before_activation: F,
}

/// The active policy, and how files arrived at its path since before it was read.
pub(in crate::server) struct Watched {
    pub(in crate::server) policy: PolicyWatch,
    pub(in crate::server) arrivals: Arrivals,
}

impl<F: Fn(&Policy)> Reload<F> {
    /// Reads the file once. Returns whether the next read should be soon.
    fn read_once(&self, now: Duration) -> bool {
        let seen = self.file.read();
        // One read at a time. After a panic the state is still usable.
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        // Queried after the file was read: a later arrival is another content, and is read twice on its own.
        let arrival = seen.policy.as_ref().ok().and_then(|look| watched.arrivals.last(look.id.real_path()));
        let compile = |text: &str| self.config.parse_policy(text);
        let step =
            watched.policy.take(&seen, arrival, now, |content| self.file.is_vouched_for(content, &seen), compile);
        if let Some(file_in_force) = step.file_in_force {
            self.store.note_file_in_force(file_in_force);
        }
        let file = self.file.path();
        match step.outcome {
            Outcome::Unchanged => false,
            Outcome::InForceAgain => {
                tracing::info!(file = %file.display(), "policy file has the active policy again");
                false
            }
            Outcome::Pending { first_seen_in_place } => {
                if first_seen_in_place {
                    let settle = humantime::format_duration(self.config.policy.settle);
                    tracing::info!(
                        file = %file.display(), %settle,
                        "policy file was changed in place; it becomes active when it has been unchanged for the time of settle"
                    );
                }
                true
            }
            Outcome::Replaced { compiled: CompiledPolicy { policy, warnings }, written } => {
                watched.arrivals.forget();
                super::warnings::log("policy", &warnings);
                let tiers = policy.outline().len();
                let hash = policy.hash();
                tracing::info!(file = %file.display(), tiers, %hash, written, "policy active");
                (self.before_activation)(&policy);
                self.store.replace(policy);
                false
            }
            Outcome::Refused(refusal) => {
                self.store.note_refused();
                report(file, self.file.checksum_path(), &refusal);
                false
            }
        }
    }
}

fn report(file: &Path, checksum: &Path, refusal: &PolicyRefusal) {
    let file = file.display();
    match refusal {
        PolicyRefusal::File(problem) => {
            tracing::error!(%file, error = %format_args!("the policy file {problem}"), "policy refused; the last good policy stays active");
        }
        PolicyRefusal::Proof(error) => tracing::error!(
            %file, %error,
            "policy refused: its checksum or signature is invalid; the last good policy stays active"
        ),
        PolicyRefusal::Invalid(problems) => report_problems(problems),
        PolicyRefusal::TakesAway(losses) => {
            // The first few are enough.
            let lost: Vec<String> = losses.iter().take(5).map(ToString::to_string).collect();
            tracing::error!(
                %file, checksum_file = %checksum.display(), lost = %lost.join("; "), losses = losses.len(),
                "policy refused: the file was changed in place and has less in it than the active policy, so it may be \
                 truncated; the last good policy stays active. Replace the file by rename (mv), or write its checksum to \
                 checksum_file"
            );
        }
    }
}

fn report_problems(problems: &Problems) {
    for problem in problems.to_string().lines() {
        tracing::error!(problem, "policy refused: the policy file is invalid");
    }
    tracing::error!("policy refused; the last good policy stays active");
}
