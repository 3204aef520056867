//! Puts a changed policy file in force once it counts, and keeps the last good policy when the new one is not valid.

mod judge;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task;
use tokio::time::Instant;

pub(in crate::server) use self::judge::PolicyWatch;
use self::judge::{Outcome, Refusal};
use crate::config::{Config, PolicyFile};
use crate::policy_store::PolicyStore;
use crate::server::reload_requests::ReloadRequests;
use access_broker_base::document::Problems;
use access_broker_base::files::{Arrivals, REREAD_DELAY};
use access_broker_policy::{CompiledPolicy, Policy};

/// Looks at the policy file again and again, and at once when the operator wishes it. Never returns.
///
/// `watched` holds what is in force already. `prepare` hears of each valid policy right before it is put in force.
///
/// The content is compared, not the time of change: mounted volumes swap links, and their times may go backwards.
pub(in crate::server) async fn watch(
    config: Config,
    store: Arc<PolicyStore>,
    watched: Watched,
    prepare: impl Fn(&Policy) + Send + Sync + 'static,
    mut reloads: ReloadRequests,
) {
    let interval = config.policy.reload_interval;
    let file = PolicyFile::new(&config.policy);
    let reload = Arc::new(Reload { config, file, store, watched: Mutex::new(watched), prepare });
    let started = Instant::now();
    loop {
        let (looking, now) = (Arc::clone(&reload), started.elapsed());
        // Off the runtime's threads: a file system may hang, and a large policy takes a second to compile.
        let is_pending = task::spawn_blocking(move || looking.look(now)).await.unwrap_or_else(|error| {
            reload.store.note_refused();
            reload.store.note_file_in_force(false);
            tracing::error!(%error, "a look at the policy file failed; the last good policy stays in force");
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
    prepare: F,
}

/// The policy that is in force, and how files came to be under its name since before it was read.
pub(in crate::server) struct Watched {
    pub(in crate::server) policy: PolicyWatch,
    pub(in crate::server) arrivals: Arrivals,
}

impl<F: Fn(&Policy)> Reload<F> {
    /// One look. Tells whether the next one should come soon.
    fn look(&self, now: Duration) -> bool {
        let seen = self.file.look();
        // One look at a time. A panic while this is held leaves a watch that is still of use.
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked after the file was read: what came later is another content, and needs two looks of its own.
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
                tracing::info!(file = %file.display(), "the policy file holds the policy in force again");
                false
            }
            Outcome::Pending { first_seen_in_place } => {
                if first_seen_in_place {
                    let settle = humantime::format_duration(self.config.policy.settle);
                    tracing::info!(
                        file = %file.display(), %settle,
                        "the policy file was changed in place; it is used once it is unchanged for the time of settle"
                    );
                }
                true
            }
            Outcome::Replaced { compiled: CompiledPolicy { policy, warnings }, written } => {
                watched.arrivals.forget();
                super::warnings::log("policy", &warnings);
                let tiers = policy.outline().len();
                tracing::info!(file = %file.display(), tiers, written, "policy in force");
                (self.prepare)(&policy);
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

fn report(file: &Path, checksum: &Path, refusal: &Refusal) {
    let file = file.display();
    match refusal {
        Refusal::File(problem) => {
            tracing::error!(%file, "the policy file {problem}; the last good policy stays in force");
        }
        Refusal::Proof(error) => tracing::error!(
            %file, %error,
            "the policy file is refused by its checksum or signature; the last good policy stays in force"
        ),
        Refusal::Invalid(problems) => report_problems(problems),
        Refusal::TakesAway(losses) => {
            // The first few tell enough.
            let lost: Vec<String> = losses.iter().take(5).map(ToString::to_string).collect();
            tracing::error!(
                %file, lost = %lost.join("; "), losses = losses.len(),
                "the policy file was changed in place and has less in it than the policy in force, so it may be cut off; \
                 the last good policy stays in force. Replace the file by rename (mv), or put its checksum into {}",
                checksum.display()
            );
        }
    }
}

fn report_problems(problems: &Problems) {
    for problem in problems.to_string().lines() {
        tracing::error!(problem, "the policy file is not valid");
    }
    tracing::error!("the last good policy stays in force");
}
